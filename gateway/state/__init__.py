"""State: what must not be lost, and what is counted. Begin with `state.py`."""
