"""What a load test found: histograms, counts over time, and the numbers of `report.json`. Pure."""
