"""What sends: Locust in processes of its own, closed or open loop, and the histograms that it fills."""
