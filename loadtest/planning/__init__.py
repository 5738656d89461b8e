"""What load tests are for: the highest rate, the best configuration, the size of a fleet, whether two runs differ."""
