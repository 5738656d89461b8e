"""When the requests of an open loop are meant to start: seeded processes of start times. Pure."""
