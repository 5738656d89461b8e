"""Experiments: which version a unit sees. Begin with `assignment.py`."""
