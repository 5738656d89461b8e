"""What load tests are for.

They find the highest rate, the best configuration and the size of a fleet, and whether two runs
differ.
"""
