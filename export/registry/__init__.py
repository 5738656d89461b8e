"""Packaged versions: staged, committed, verified, signed, stored, rolled out and removed."""
