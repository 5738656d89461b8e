"""Triton over HTTP: the client, its connections, and several Tritons as one."""
