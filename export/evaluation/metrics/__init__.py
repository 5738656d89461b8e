"""Metrics as sums over examples, so that a resample of the examples is a weighting of rows."""
