"""What a load test does: its fields, its workload, its open or closed loop."""
