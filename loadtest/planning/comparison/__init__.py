"""Two versions of a system compared by their load tests.

Differences have intervals, and conditions fail a build in CI. Pure but for `documents`, which reads
files.
"""
