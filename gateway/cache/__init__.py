"""The response cache: in-process memory before Redis or Valkey, with leases across gateways.

Start reading at `cache.py`.
"""
