"""Command line: `python -m loadtest VERB`, such as `run`; each verb has a module in `verbs/`."""

import argparse
import signal
import sys
from collections.abc import Sequence

from loadtest.verbs import capture, ceiling, compare, plan, profile, run, search, sweep, worker

VERBS = (run, search, compare, sweep, profile, plan, capture, ceiling, worker)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the verb's exit status. Bad arguments exit with 2."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="python -m loadtest", description="Load tests of a Headrace gateway, or of another server, over HTTP."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for verb in VERBS:
        verb.add_parser(commands)
    args = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does, with a report
    status: int = args.verb(args, arguments)
    return status


if __name__ == "__main__":
    sys.exit(main())
