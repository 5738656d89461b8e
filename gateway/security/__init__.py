"""Who may ask, and for how much; the routes see only `door`."""
