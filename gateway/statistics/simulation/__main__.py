"""`python -m gateway.statistics.simulation`: print the table, row by row as they are made."""

import argparse
import sys
from collections.abc import Sequence

from gateway.statistics.simulation.table import HEAD, SCENARIOS, rows


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m gateway.statistics.simulation", description="how often conclusions are wrong")
    parser.add_argument("--runs", type=int, default=1000, help="experiments of each kind (1000)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (1)")
    parser.add_argument("--only", choices=list(SCENARIOS), action="append", help="scenarios to play; all where left out")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 1 where a row does not hold."""
    asked = _parser().parse_args(arguments)
    if asked.runs < 1:
        _parser().error("--runs must be 1 or more")
    print(HEAD)
    holds = True
    for name in asked.only or SCENARIOS:
        for row in rows(name, asked.runs, asked.seed):
            print(row, flush=True)
            holds = holds and row.holds
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
