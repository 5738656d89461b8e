"""Statistics of experiments: sums in, decisions out.

Pure functions on the standard library alone. Read `comparison.py` first: it goes from the sums of
two arms to an interval and a p-value that may be looked at at any time. Formulas and their sources
are in `gateway/docs/statistics.md`.
"""
