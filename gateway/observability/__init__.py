"""What operators see of the gateway: metrics, the log, traces."""
