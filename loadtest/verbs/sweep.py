"""`sweep`: put one configuration of the stack after the other under load, and choose."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from loadtest.sweep.configuration import configurations
from loadtest.sweep.document import read_document
from loadtest.sweep.errors import SweepError
from loadtest.sweep.findings.pricing import read_offers
from loadtest.sweep.findings.summary import summarize_sweep
from loadtest.sweep.jobs import Job, described, jobs, workload_of
from loadtest.sweep.measuring import Listeners, measure_configuration
from loadtest.sweep.stack.packaged import file_digest, read_model
from loadtest.sweep.store import Store
from loadtest.sweep.sweeper import run_jobs
from loadtest.sweep.writing import write_sweep
from loadtest.verbs.exit_status import DONE, FAILED, INTERRUPTED
from loadtest.verbs.run import command_shown
from loadtest.verbs.slo_flag import slo_argument
from loadtest.verbs.sweep_progress import Shown
from loadtest.verbs.sweep_tables import show
from loadtest.workload.corpus import CorpusError, read_corpus

WIDTH = 220
"""Of tables that go into a pipe: nothing is cut off."""


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
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the results: runs/, sweep.json, sweep.csv, best/config.pbtxt")
    add("--next", type=int, metavar="N", help="measure only the next N configurations that are not finished")
    add("--slo", type=slo_argument, metavar="TEXT", help="measure nothing: choose for this SLO from what DIR holds")
    add("--dry-run", action="store_true", help="list the configurations and whether they are finished, and measure nothing")
    parser.set_defaults(verb=lambda args, arguments: run(parser, args, arguments))


def run(parser: argparse.ArgumentParser, args: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Sweep; the exit status: 0, 1 where a configuration failed, 130 after Ctrl-C. A file that cannot be run exits with 2."""
    try:
        if args.next is not None and args.next < 1:
            raise SweepError("--next must be at least 1")
        document = read_document(args.sweep)
        found = configurations(document)
        packaged = read_model(Path(document.repository), document.model)
        for configuration in found:
            workload_of(document, configuration.knobs, configuration.name)
        corpus = read_corpus(Path(document.corpus))
        todo = jobs(document, found, packaged, file_digest(Path(document.corpus)))
        offers = read_offers(document.prices)
        args.out.mkdir(parents=True, exist_ok=True)
    except (SweepError, CorpusError) as exc:
        parser.error(str(exc))
    except OSError as exc:
        parser.error(f"--out {args.out}: {exc.strerror}")
    store, console = Store(args.out), Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = WIDTH
    if args.dry_run:
        _list(console, todo, store)
        return DONE
    command = command_shown(arguments)
    slo = args.slo or document.objectives
    by_name = {configuration.name: configuration for configuration in found}

    def write(*, interrupted: bool = False) -> dict[str, Any]:
        runs = {job.key: run for job in todo if (run := store.read(job.key)) is not None}
        sweep = summarize_sweep(document, todo, runs, packaged, offers, slo, command, interrupted=interrupted)
        write_sweep(args.out, sweep, by_name, packaged)
        return sweep

    status = DONE
    if args.slo is None:
        shown = Shown(Console(stderr=True, highlight=False, markup=False))
        listeners = Listeners(shown.on_words, shown.on_load, shown.on_progress)

        def on_end(job: Job, run: dict[str, Any], elapsed_s: float) -> None:
            shown.on_end(job, run, elapsed_s)
            write()

        try:
            run_jobs(
                todo,
                store,
                lambda job: measure_configuration(job, document, packaged, corpus, command, listeners),
                lambda job: described(job, document, packaged),
                most=args.next,
                on_job=shown.on_job,
                on_end=on_end,
            )
        except KeyboardInterrupt:
            print("Ended by hand; what is finished stays, and the same command goes on.", file=sys.stderr)
            status = INTERRUPTED
        finally:
            shown.close()
    sweep = write(interrupted=status == INTERRUPTED)
    show(console, sweep, args.out)
    return status or (FAILED if any(one["state"] == "failed" for one in sweep["configurations"]) else DONE)


def _list(console: Console, todo: Sequence[Job], store: Store) -> None:
    for job in todo:
        found = store.read(job.key)
        state = "pending" if found is None else f"failed: {found['error']}" if found["error"] else f"finished in {found['elapsed_s']:.0f} s"
        repetition = f" ({job.repetition + 1})" if job.repetition else ""
        console.print(f"{job.key}  {job.configuration.name}{repetition}: {state}", soft_wrap=True)
