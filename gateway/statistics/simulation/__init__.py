"""Experiments played with known truths, many times, to see how often conclusions are wrong.

`python -m gateway.statistics.simulation` prints the table of `gateway/docs/statistics.md`. The
numbers come from NumPy's generators, the conclusions from the same functions that the gateway uses.
"""
