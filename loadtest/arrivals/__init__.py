"""When requests are meant to start, in an open loop: seeded processes of intended start times. Pure."""
