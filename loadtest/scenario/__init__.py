"""What a load test does: its fields, its arrivals, open or closed loop."""
