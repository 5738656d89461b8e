"""Online: HTTP → experiment → cache → Triton → answer. Begin with `request_life.py`."""
