"""`run`: put a gateway under load and report what it did."""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from loadtest.arrivals.recorded import TraceError
from loadtest.client import NoAnswerError
from loadtest.generator.measure import Address, GeneratorError, measure
from loadtest.machine import describe_machine
from loadtest.report.page import render_html
from loadtest.report.verdict import cautions, milliseconds, verdict
from loadtest.results.results import Results
from loadtest.results.summary import Circumstances, summarize
from loadtest.scenario import ScenarioError
from loadtest.target import TargetError
from loadtest.verbs.exit_status import DONE, FAILED, INTERRUPTED
from loadtest.verbs.progress import shown
from loadtest.verbs.scenario_flags import add_scenario_flags, scenario_from
from loadtest.verbs.worker import DEFAULT_PORT
from loadtest.workload.corpus import CorpusError, read_corpus
from loadtest.workload.workload import WorkloadError

DEFAULT_WEB_UI_PORT = 8089


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    parser = commands.add_parser(
        "run",
        allow_abbrev=False,
        help="put a gateway under load and report what it did",
        description="With --rate or --arrivals an open loop: requests start when they are due, whatever became of those before, and "
        "latency counts from then. "
        "With --users a closed loop: each user sends its next request as soon as it has its answer, without think time.",
    )
    add_scenario_flags(parser)
    add = parser.add_argument
    add("--report", type=Path, required=True, metavar="DIR", help="folder for report.json and report.html")
    add("--usd-per-hour", type=float, metavar="X", help="what the serving hardware costs, for the price of a million texts")
    add(
        "--web-ui",
        type=int,
        nargs="?",
        const=DEFAULT_WEB_UI_PORT,
        metavar="PORT",
        help="show the run on Locust's own page while it lasts, on loopback (default port %(const)s)",
    )
    add(
        "--master",
        type=_address,
        nargs="?",
        const=Address("0.0.0.0", DEFAULT_PORT),  # noqa: S104 - workers come from other machines
        metavar="HOST:PORT",
        help="wait here for --workers workers from other machines (`worker --master-host`) instead of starting them",
    )
    parser.set_defaults(verb=lambda args, arguments: run(parser, args, arguments))


def run(parser: argparse.ArgumentParser, args: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Run the load test; the exit status: 0, 1 where the run or any request failed, 130 after Ctrl-C. Bad arguments exit with 2."""
    try:
        scenario = scenario_from(args)
        if args.usd_per_hour is not None and args.usd_per_hour < 0:
            raise ScenarioError("--usd-per-hour must not be negative")
        corpus = read_corpus(scenario.workload.corpus)
        args.report.mkdir(parents=True, exist_ok=True)
    except (ScenarioError, CorpusError) as exc:
        parser.error(str(exc))
    except OSError as exc:
        parser.error(f"--report {args.report}: {exc.strerror}")
    console = Console(stderr=True, highlight=False)
    around = Circumstances(command_shown(arguments), datetime.now(UTC).isoformat(timespec="seconds"), describe_machine(), args.usd_per_hour)
    try:
        with shown(console, scenario.duration_s) as on_progress:
            measurement = measure(scenario, corpus, on_progress, web_ui_port=args.web_ui, listen=args.master)
    except (NoAnswerError, TargetError, GeneratorError, TraceError, WorkloadError) as exc:
        print(exc, file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    if not measurement.recording.requests:
        print(f"No request was answered or failed within {measurement.elapsed_s:.1f} s: there is nothing to report.", file=sys.stderr)
        return INTERRUPTED if measurement.interrupted else FAILED
    results = summarize(scenario, measurement, around)
    _write(results, args.report)
    _print(results, args.report)
    if results.failures or results.dropped or results.lost_workers:
        return FAILED
    return INTERRUPTED if results.interrupted else DONE


def command_shown(arguments: Sequence[str]) -> str:
    """The command as typed, without the values of headers, which may be keys."""
    shown = list(arguments)
    for index, argument in enumerate(shown):
        if argument.startswith("--header=") or shown[max(index - 1, 0)] == "--header":
            shown[index] = argument.partition(":")[0] + ": …"
    return shlex.join(["python", "-m", "loadtest", *shown])


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form HOST:PORT")
    return Address(host, int(port))


def _write(results: Results, folder: Path) -> None:
    (folder / "report.json").write_text(json.dumps(results.to_dict(), indent=1) + "\n", encoding="utf-8")
    (folder / "report.html").write_text(render_html(results), encoding="utf-8")


def _print(results: Results, folder: Path) -> None:
    print(verdict(results))
    for caution in cautions(results):
        print(f"Caution: {caution}")
    for fault in results.errors[:5]:
        print(f"  {fault.requests:,} × {fault.status or 'no answer'}: {fault.reason}")
    if results.latency_ms is not None and results.service_ms is not None:
        print("latency  " + _percentiles(results.latency_ms))
        if results.loop == "open":
            print("service  " + _percentiles(results.service_ms))
        print(
            f"cache    {results.cache_hit_rate:.1%} hits, {results.sent_repeats:.1%} of the texts sent were repeats, "
            f"{results.expected_hit_rate:.1%} expected"
        )
        print("versions " + ("  ".join(f"{version}: {requests:,}" for version, requests in results.variants.items()) or "not told"))
    print(f"report   {folder / 'report.html'}")


def _percentiles(latency_ms: dict[str, float]) -> str:
    return "  ".join(
        f"{name.replace('_', '.')} {milliseconds(latency_ms[name])}" for name in ("p50", "p95", "p99", "p99_9", "p99_99", "max")
    )
