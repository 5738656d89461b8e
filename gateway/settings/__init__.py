"""The gateway's settings: read once, checked, shown; and those that change while it runs."""
