"""`run`: put a gateway under load and report what it did."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from loadtest.generator.job import Address
from loadtest.generator.measure import measure
from loadtest.observation.contention import ContentionWatch
from loadtest.observation.machine import describe_machine
from loadtest.observation.versions import gateway_versions, generator_versions, triton_versions
from loadtest.report.files import write_report
from loadtest.report.headline import headline
from loadtest.results.figures import milliseconds
from loadtest.results.provenance import Provenance
from loadtest.results.results import Results
from loadtest.results.summary import Circumstances, summarize
from loadtest.results.verdict import cautions, sent_texts, server_said, verdict
from loadtest.scenario.scenario import Scenario, ScenarioError
from loadtest.target.client import Client, NoAnswerError
from loadtest.target.planted import found_of
from loadtest.verbs.attempt import attempt_measurement
from loadtest.verbs.command import command_shown
from loadtest.verbs.exit_status import DONE, FAILED, INTERRUPTED, SLO_STATUSES
from loadtest.verbs.price_flags import add_price_flags, prices_from
from loadtest.verbs.progress import shown
from loadtest.verbs.report_folder import make_folder
from loadtest.verbs.scenario_flags import add_scenario_flags, scenario_from
from loadtest.verbs.slo_flag import slo_argument
from loadtest.verbs.watch_flags import add_watch_flags, watch_from
from loadtest.verbs.worker import DEFAULT_PORT
from loadtest.workload.corpus import CorpusError, read_corpus
from loadtest.workload.effect import Effect

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
    add("--report", type=Path, required=True, metavar="DIR", help="folder for report.html, report.json and the CSV files")
    add("--slo", type=slo_argument, metavar="TEXT", help="hold the run against it, such as 'p99<50ms,errors<0.1%%'")
    add("--fail", action="store_true", help="for CI: the exit status is that of --slo, 0 held, 1 missed, 3 cannot tell")
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
    add_price_flags(parser)
    add_watch_flags(parser)
    parser.set_defaults(verb=lambda args, arguments: run(parser, args, arguments))


def run(parser: argparse.ArgumentParser, args: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Run the load test and write its report.

    The exit status: 0, 1 where the run or any request failed, 130 after Ctrl-C; with --fail that of
    the SLO. Bad arguments exit with 2.
    """
    if args.fail and args.slo is None:
        parser.error("--fail needs an --slo that the run is held against")
    try:
        scenario = scenario_from(args)
        prices = prices_from(args)
        corpus = read_corpus(scenario.workload.corpus)
        make_folder(args.report)
        watch = watch_from(args, scenario)
    except (ScenarioError, CorpusError) as exc:
        parser.error(str(exc))
    except OSError as exc:
        parser.error(f"--report {args.report}: {exc.strerror}")
    provenance = Provenance(
        command_shown(arguments),
        datetime.now(UTC).isoformat(timespec="seconds"),
        describe_machine(),
        {**generator_versions(), **gateway_versions(scenario.url, scenario.headers), **triton_versions(watch.triton_http_urls)},
    )
    around = Circumstances(provenance, args.usd_per_hour, prices, args.slo)
    console = Console(stderr=True, highlight=False)
    contention = ContentionWatch(scenario.url, args.watch_pid, shared_machine=args.shared_machine)
    with contention, watch, shown(console, scenario.duration_s) as on_progress:
        attempt = attempt_measurement(
            scenario,
            watch.listener(on_progress),
            lambda listener: measure(scenario, corpus, listener, web_ui_port=args.web_ui, listen=args.master),
        )
    around = replace(around, observed=watch.observed(), contention=contention.found, problem=attempt.problem)
    results = summarize(scenario, attempt.measurement, around)
    write_report(results, args.report)
    if attempt.problem:
        print(attempt.problem, file=sys.stderr)
        print(f"report   {args.report / 'report.html'}")
        return INTERRUPTED if attempt.measurement.interrupted else SLO_STATUSES["unknown"] if args.fail else FAILED
    _print(results, args.report)
    held = scenario.workload.effect is None or _effect_holds(scenario, scenario.workload.effect)
    return _status(results, by_slo=args.fail) or (DONE if held else FAILED)


def _status(results: Results, *, by_slo: bool) -> int:
    if results.interrupted and (by_slo or not results.requests.unanswered):
        return INTERRUPTED
    if by_slo:
        return SLO_STATUSES[results.slo_verdict or "unknown"]
    return FAILED if results.requests.unanswered or results.generators.lost else DONE


def _effect_holds(scenario: Scenario, effect: Effect) -> bool:
    """Print what was found of a planted effect; whether the results hold it."""
    try:
        with Client(scenario.url, scenario.headers) as client:
            found = found_of(client, effect)
    except (ValueError, NoAnswerError) as exc:
        print(f"effect   {exc}")
        return False
    for one in found:
        inside = "holds" if one.holds else "DOES NOT HOLD"
        print(f"effect   {effect.metric} of {one.variant}: planted {one.planted:+.4f} {inside}: {one.sentence}")
    return all(one.holds for one in found)


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form HOST:PORT")
    return Address(host, int(port))


def _print(results: Results, folder: Path) -> None:
    print(headline(results).sentence)
    print(verdict(results))
    if server_said(results):
        print(f"{server_said(results)}.")
    print(f"texts    {sent_texts(results)}")
    for caution in cautions(results):
        print(f"Caution: {caution}")
    for fault in results.errors[:5]:
        print(f"  {fault.requests:,} × {fault.status or 'no answer'}: {fault.reason}")
    if results.latency.summary_ms is not None and results.service.summary_ms is not None:
        print("latency  " + _percentiles(results.latency.summary_ms))
        if results.loop == "open":
            print("service  " + _percentiles(results.service.summary_ms))
        if results.hits.rate is not None and results.hits.expected is not None:
            print(
                f"cache    {results.hits.rate:.1%} hits, {results.hits.repeats_sent:.1%} of the texts sent were repeats, "
                f"{results.hits.expected:.1%} expected"
            )
        if results.is_headrace:
            versions = results.answers_by_version.items()
            print("versions " + ("  ".join(f"{version}: {requests:,}" for version, requests in versions) or "not told"))
    print(f"report   {folder / 'report.html'}")


def _percentiles(latency_ms: dict[str, float]) -> str:
    return "  ".join(
        f"{name.replace('_', '.')} {milliseconds(latency_ms[name])}" for name in ("p50", "p95", "p99", "p99_9", "p99_99", "max")
    )
