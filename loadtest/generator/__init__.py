"""The load generator: Locust in processes of its own, in a closed or an open loop."""
