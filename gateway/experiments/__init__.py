"""Experiments: which version a unit sees. Start reading at `assignment.py`."""
