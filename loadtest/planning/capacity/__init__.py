"""How many gateways and Triton replicas hold a load within its SLO: the queueing model and the plan. Pure but for `profile` and `plan`."""
