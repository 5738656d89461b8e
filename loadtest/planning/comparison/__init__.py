"""Two versions of a system compared by their load tests: differences with intervals, and conditions for CI. Pure."""
