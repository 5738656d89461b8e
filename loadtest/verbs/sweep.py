"""`sweep`: put one configuration of the stack after the other under load, and choose."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from loadtest.planning.sweep.errors import SweepError
from loadtest.planning.sweep.run import Run
from loadtest.planning.sweep.sweep import Sweep
from loadtest.report.sweep_files import write_sweep
from loadtest.verbs.command import command_shown
from loadtest.verbs.exit_status import DONE, FAILED, INTERRUPTED, SLO_STATUSES
from loadtest.verbs.report_folder import make_folder
from loadtest.verbs.slo_flag import slo_argument
from loadtest.verbs.sweep_progress import Shown
from loadtest.verbs.sweep_tables import show
from loadtest.workload.corpus import CorpusError

WIDTH = 220
"""The width of tables that go into a pipe: nothing is cut off."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    parser = commands.add_parser(
        "sweep",
        allow_abbrev=False,
        help="measure configurations of the stack one after another, and choose the cheapest that holds an SLO",
        description="Starts and stops a gateway with its embedded stack for each configuration. What is finished is not measured again: "
        "run it again after Ctrl-C, or after changing the file. loadtest/docs/sweep.md has the fields of the file and of the results.",
    )
    add = parser.add_argument
    add("sweep", type=Path, metavar="SWEEP.yaml", help="what is swept and how it is measured")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the results: sweep.html, sweep.json, CSV, best/config.pbtxt")
    add("--next", type=int, metavar="N", help="measure only the next N configurations that are not finished")
    add("--slo", type=slo_argument, metavar="TEXT", help="measure nothing: choose for this SLO from what DIR holds")
    add("--fail", action="store_true", help="for CI: the exit status is 0 where each workload has a choice, 1 where none, 3 cannot tell")
    add("--dry-run", action="store_true", help="list the configurations and whether they are finished, and measure nothing")
    parser.set_defaults(verb=lambda args, arguments: run(parser, args, arguments))


def run(parser: argparse.ArgumentParser, args: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Sweep, show and write what was found.

    The exit status: 0, 1 where a configuration failed, 130 after Ctrl-C; with --fail that of the
    SLO. A file that cannot be run exits with 2.
    """
    try:
        if args.next is not None and args.next < 1:
            raise SweepError("--next must be at least 1")
        sweep = Sweep.read(args.sweep, args.out, command_shown(arguments))
        make_folder(args.out)
    except (SweepError, CorpusError) as exc:
        parser.error(str(exc))
    except OSError as exc:
        parser.error(f"--out {args.out}: {exc.strerror}")
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = WIDTH
    if args.dry_run:
        _list(console, sweep)
        return DONE
    interrupted = args.slo is None and not _measure(sweep, args.next)
    found = sweep.summarize(args.slo, interrupted=interrupted)
    write_sweep(args.out, found)
    show(console, found, args.out)
    if interrupted:
        return INTERRUPTED
    if found.failed:
        return FAILED
    return SLO_STATUSES[found.slo_verdict] if args.fail else DONE


def _measure(sweep: Sweep, most: int | None) -> bool:
    """Measure; gives whether the sweep came to its end."""
    shown = Shown(Console(stderr=True, highlight=False, markup=False))
    try:
        sweep.measure(shown, lambda found: write_sweep(sweep.folder, found), most)
    except KeyboardInterrupt:
        print("Ended by hand; what is finished stays, and the same command goes on.", file=sys.stderr)
        return False
    finally:
        shown.close()
    return True


def _list(console: Console, sweep: Sweep) -> None:
    store = sweep.runs
    for job in sweep.definition.jobs:
        repetition = f" ({job.repetition + 1})" if job.repetition else ""
        console.print(f"{job.key}  {job.configuration.name}{repetition}: {_state(store.read(job.key))}", soft_wrap=True)


def _state(run: Run | None) -> str:
    if run is None:
        return "pending"
    return f"failed: {run.error}" if run.measured is None else f"finished in {run.measured.elapsed_s:.0f} s"
