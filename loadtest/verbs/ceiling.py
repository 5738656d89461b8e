"""`ceiling`: how much one generator process can send, measured on this machine."""

import argparse
import sys
import tempfile
from pathlib import Path

from loadtest.generator.ceiling import Attempt, attempts
from loadtest.generator.measure import GeneratorError
from loadtest.observation.machine import describe_machine
from loadtest.target.client import NoAnswerError
from loadtest.target.readiness import TargetError
from loadtest.verbs.exit_status import DONE, FAILED, INTERRUPTED

DEFAULT_DURATION_S = 3.0


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    parser = commands.add_parser(
        "ceiling",
        allow_abbrev=False,
        help="measure how much the load generator itself can send from one core",
        description="Sends rising rates of small requests in an open loop, from one process, to a server that costs next to nothing.",
    )
    parser.add_argument("--duration", type=float, default=DEFAULT_DURATION_S, metavar="S", help="seconds a rate (default %(default)s)")
    parser.set_defaults(verb=lambda args, _: run(args.duration))


def run(duration_s: float) -> int:
    """Measure and print, also what was sent in time before the measurement broke off.

    The exit status: 0, 1 where no rate was sent in time or the server could not be asked, 130 after
    Ctrl-C.
    """
    made: list[Attempt] = []
    status = DONE
    print("  offered/s  answered/s  CPU of a core  started late by p50 / p99")
    try:
        with tempfile.TemporaryDirectory(prefix="headrace-loadtest-") as folder:
            for attempt in attempts(duration_s, Path(folder)):
                made.append(attempt)
                print(
                    f"{attempt.offered_rps:11,.0f} {attempt.answered_rps:11,.0f} {attempt.cpu_share:14.0%}"
                    f"  {attempt.lateness_p50_ms:.2f} / {attempt.lateness_p99_ms:.2f} ms{'' if attempt.in_time else '  not in time'}",
                    flush=True,
                )
    except (NoAnswerError, TargetError, GeneratorError) as exc:
        print(exc, file=sys.stderr)
        status = FAILED
    except KeyboardInterrupt:
        print("Ended by hand.", file=sys.stderr)
        status = INTERRUPTED
    kept = [attempt.offered_rps for attempt in made if attempt.in_time]
    if not kept:
        if status == DONE:
            print("No rate was sent in time: this machine is busy with something else.")
        return status or FAILED
    machine = describe_machine()
    least = "at least " if status != DONE else ""
    print(f"ceiling: {least}{max(kept):,.0f} requests/s in an open loop from one core ({machine['cpu']}, Python {machine['python']})")
    return status
