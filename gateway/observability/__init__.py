"""What can be seen of the gateway: metrics, the log, traces."""
