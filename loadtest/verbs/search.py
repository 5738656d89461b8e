"""`search`: the highest rate that a gateway holds within an SLO."""

import argparse
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from loadtest.observation.machine import describe_machine
from loadtest.planning.capacity.profile_part import ProfilePart
from loadtest.planning.search.bounds import Bounds, BoundsError
from loadtest.planning.search.capacity_part import capacity_part
from loadtest.planning.search.edge import Edge
from loadtest.planning.search.least import ENDED, judge_any
from loadtest.planning.search.search import FAULTS, Found, search
from loadtest.planning.search.search_json import search_json
from loadtest.planning.search.summary import SearchSummary, summarize_search
from loadtest.planning.search.trial import Trial
from loadtest.planning.search.trials import Trials
from loadtest.planning.search.trials_csv import trials_csv
from loadtest.report.search_page import render_search
from loadtest.results.figures import milliseconds, number
from loadtest.results.provenance import Provenance
from loadtest.results.results import SloVerdict
from loadtest.results.summary import Circumstances
from loadtest.scenario.scenario import ScenarioError
from loadtest.slo import Slo
from loadtest.verbs.command import command_shown
from loadtest.verbs.exit_status import DONE, FAILED, INTERRUPTED, SLO_STATUSES
from loadtest.verbs.report_folder import make_folder
from loadtest.verbs.scenario_flags import add_scenario_flags, scenario_from
from loadtest.verbs.slo_flag import slo_argument
from loadtest.verbs.step_progress import StepProgress
from loadtest.verbs.watch_flags import add_machine_flags
from loadtest.workload.corpus import CorpusError, read_corpus

DEFAULT_DURATION_S = 10.0
LEAST_REQUESTS = 20
BOUNDS = Bounds()


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    parser = commands.add_parser(
        "search",
        allow_abbrev=False,
        help="find the highest rate that a gateway holds within an SLO",
        description="Poisson arrivals in an open loop: the rate doubles until it fails, then bisection with repetitions until the "
        "95 %% interval of the edge is narrow enough. "
        "A run in which the generator did not keep up says nothing of the system and ends the search.",
    )
    parser.add_argument("--slo", type=slo_argument, required=True, metavar="TEXT", help="such as 'p99<50ms,errors<0.1%%'")
    add_scenario_flags(parser)
    add = parser.add_argument
    add("--first-rate", type=float, default=BOUNDS.first_rps, metavar="RPS", help="the first rate, and the lowest (default %(default)g)")
    add("--highest-rate", type=float, default=BOUNDS.most_rps, metavar="RPS", help="go no further (default %(default)g)")
    add(
        "--resolution",
        type=float,
        default=BOUNDS.resolution,
        metavar="SHARE",
        help="how narrow the 95 %% interval must be: 0.05 is ± 5 %% (default %(default)g)",
    )
    add("--most-trials", type=int, default=BOUNDS.most_trials, metavar="N", help="at most so many runs (default %(default)s)")
    add("--warm-up", type=float, default=2.0, metavar="S", help="seconds of the same rate before each trial (default %(default)g)")
    add("--triton-replicas", type=int, default=1, metavar="N", help="behind the gateway, for the capacity profile (default %(default)s)")
    add("--gateways", type=int, default=1, metavar="N", help="behind the address, for the capacity profile (default %(default)s)")
    add(
        "--report",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for search.html, search.json, trials.csv and profile.json, a part of a capacity profile",
    )
    add(
        "--fail",
        action="store_true",
        help="for CI: the exit status is 0 where a rate was found, 1 where the SLO is missed at the lowest rate, 3 where it cannot be told",
    )
    add(
        "--fail-below",
        type=float,
        metavar="RPS",
        help="for CI: the exit status is 0 where the rate's whole 95 %% interval is this or more, 1 where all of it is below, else 3",
    )
    add_machine_flags(parser)
    parser.set_defaults(verb=lambda args, arguments: run(parser, args, arguments))


def run(parser: argparse.ArgumentParser, args: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Search and write the report.

    The report is written whatever ends the search, and says first what went wrong. The exit status:
    0 where a rate was found, 1 where none was, 130 after Ctrl-C; with --fail and --fail-below 3
    where it cannot be told. Bad arguments exit with 2.
    """
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    slo: Slo = args.slo
    around = Circumstances(Provenance(command_shown(arguments), datetime.now(UTC).isoformat(timespec="seconds"), describe_machine()))
    try:
        bounds = _bounds(args)
        args.rate, args.duration = bounds.first_rps, args.duration or (None if args.scenario else DEFAULT_DURATION_S)
        scenario = scenario_from(args)
        if scenario.duration_s * bounds.first_rps < LEAST_REQUESTS:
            raise BoundsError(f"--first-rate × --duration must be at least {LEAST_REQUESTS} requests: fewer show nothing")
        corpus = read_corpus(scenario.workload.corpus)
        shown = StepProgress(console)
        trials = Trials(
            scenario,
            corpus,
            slo,
            around,
            warm_up_s=args.warm_up,
            pids=args.watch_pid,
            shared_machine=args.shared_machine,
            on_step=shown.begin,
            on_progress=shown.on_progress,
        )
        make_folder(args.report)
    except (ScenarioError, CorpusError, BoundsError) as exc:
        parser.error(str(exc))
    except OSError as exc:
        parser.error(f"--report {args.report}: {exc.strerror}")
    try:
        with shown.shown():
            found = search(trials, bounds, lambda trial, edge: console.print(line(trial, edge, slo)))
    except FAULTS as exc:
        found = Found("broken", (), None, reason=str(exc))
    summary = summarize_search(found, slo, bounds, scenario, around, args.warm_up, args.fail_below)
    print(summary.verdict)
    for caution in summary.cautions:
        print(f"Caution: {caution}")
    _write(args.report, summary, capacity_part(found, slo, args.triton_replicas, args.gateways))
    return exit_status(found, summary.least_verdict, by_slo=args.fail)


def _write(folder: Path, summary: SearchSummary, part: ProfilePart | None) -> None:
    """Write the files and tell where they are."""
    written = {
        "report": ("search.html", render_search(summary)),
        "search": ("search.json", _json(search_json(summary))),
        "trials": ("trials.csv", trials_csv(summary.trials)),
    }
    if part is not None:
        written["profile"] = ("profile.json", _json(part))
    for what, (name, text) in written.items():
        (folder / name).write_text(text, encoding="utf-8")
        print(f"{what:8} {folder / name}")


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, indent=1) + "\n"


def line(trial: Trial, edge: Edge | None, slo: Slo) -> str:
    """A trial as it is shown while the search goes on.

    The line has its rate, p99, errors, whether it kept the SLO, and the edge so far.
    """
    said = [f"{number(trial.rate_rps):>8} requests/s"]
    results = trial.results
    if results is not None:
        latency = "-" if results.latency.summary_ms is None else milliseconds(results.latency.summary_ms["p99"])
        said += [f"p99 {latency:>9}", f"errors {results.requests.error_share:6.2%}"]
    if trial.spoilt_by == "generator":
        said.append("the generator could not keep up: this says nothing of the system")
    elif trial.spoilt_by == "contention":
        said.append(f"does not count: {None if results is None else results.contention}")
    elif trial.passed:
        said.append(f"keeps {slo}")
    else:
        said.append("misses " + "; ".join(trial.misses))
    if edge is not None:
        said.append(f"(edge: {number(edge.half.low_rps)} to {number(edge.half.high_rps)})")
    return "  ".join(said)


def _bounds(args: argparse.Namespace) -> Bounds:
    for name in ("rate", "users", "arrivals", "speed"):
        if getattr(args, name) is not None:
            raise BoundsError(f"--{name} is not for a search, which chooses the rates of Poisson arrivals itself: give --first-rate")
    if args.warm_up < 0 or args.triton_replicas < 1 or args.gateways < 1:
        raise BoundsError("--warm-up must not be negative, --triton-replicas and --gateways must be at least 1")
    return Bounds(first_rps=args.first_rate, resolution=args.resolution, most_rps=args.highest_rate, most_trials=args.most_trials)


def exit_status(found: Found, least: SloVerdict | None, *, by_slo: bool) -> int:
    """The exit status; `least` is whether the rate is as high as --fail-below asks for."""
    if found.outcome == "interrupted":
        return INTERRUPTED
    if least is not None or by_slo:
        return SLO_STATUSES[least or judge_any(found)]
    held = found.edge is not None or found.best is not None
    return DONE if found.outcome in ENDED and held else FAILED
