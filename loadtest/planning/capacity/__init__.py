"""How many gateways and Triton replicas hold a load within its SLO: queueing model and plan.

Pure but for `profile`, which reads files.
"""
