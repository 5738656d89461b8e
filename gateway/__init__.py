"""Online: HTTP → experiment → cache → Triton → answer. Start reading at `request_life.py`."""
