"""HTTP below the routes.

Connections of clients and the limits on what they send, bodies, whole responses, content coding,
and draining.
"""
