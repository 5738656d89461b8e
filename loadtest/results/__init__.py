"""What a load test found: histograms, counts over time, the figures of `report.json`. Pure."""
