"""The load generator's own ceiling on one core.

It is run by hand: `python tests/loadtest/benchmark_generator.py`. The ceiling must be at least
3,000 requests/s in an open loop. The exit status says whether it is.
"""

import sys
import tempfile
from pathlib import Path

from loadtest.generator.ceiling import attempts

LEAST_RPS = 3000
DURATION_S = 5.0


def main() -> int:
    ceiling_rps = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for attempt in attempts(DURATION_S, Path(folder)):
            print(attempt)
            ceiling_rps = max(ceiling_rps, attempt.offered_rps if attempt.in_time else 0.0)
    print(f"ceiling: {ceiling_rps:,.0f} requests/s in an open loop from one core; at least {LEAST_RPS:,} are asked")
    return 0 if ceiling_rps >= LEAST_RPS else 1


if __name__ == "__main__":
    sys.exit(main())
