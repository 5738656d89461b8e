"""Stand-ins for the servers behind the gateway, for tests of the gateway and of what calls it."""
