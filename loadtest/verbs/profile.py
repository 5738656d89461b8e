"""`profile`: measure on a running stack what `plan` computes with."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from loadtest.generator.measure import GeneratorError
from loadtest.observation.machine import describe_machine
from loadtest.observation.triton_statistics import Batches, Configuration, read_batches, read_configuration
from loadtest.planning.profiling.assembly import Subject, assemble, point_rates
from loadtest.planning.profiling.attempt import Attempt, profile_of
from loadtest.planning.profiling.gateway_metrics import GatewayUse, read_use
from loadtest.planning.profiling.phases import NOT_TO_PROFILE, POINT_LOADS, Phase, Phases, Readers
from loadtest.results.figures import milliseconds
from loadtest.results.provenance import Provenance
from loadtest.results.summary import Circumstances
from loadtest.scenario.scenario import Scenario, ScenarioError
from loadtest.target.client import Client, NoAnswerError
from loadtest.target.readiness import TargetError
from loadtest.verbs.command import command_shown
from loadtest.verbs.exit_status import DONE, FAILED, INTERRUPTED
from loadtest.verbs.scenario_flags import add_scenario_flags, scenario_from
from loadtest.verbs.step_progress import StepProgress
from loadtest.verbs.watch_flags import add_machine_flags
from loadtest.workload.corpus import CorpusError, read_corpus
from loadtest.workload.server import OTHER
from loadtest.workload.workload import WorkloadError

DEFAULT_SECONDS = 5.0
METRICS_PATH = "/metrics"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    parser = commands.add_parser(
        "profile",
        allow_abbrev=False,
        help="measure on a running stack what `plan` computes with",
        description="Short runs of hits, misses, batches and a mixed load, with readings of the gateway's and Triton's counters: a minute "
        "in all. Measure one gateway worker and one Triton replica that have the machine to themselves.",
    )
    add_scenario_flags(parser)
    add = parser.add_argument
    add("--triton-url", metavar="URL", help="Triton's HTTP port (the embedded one says it at start): batches by size, number of instances")
    add("--instances", type=int, metavar="N", help="without --triton-url: model instances that work at the same time")
    add("--gateway-metrics", metavar="URL", help="the gateway's metrics (default: --url and /metrics)")
    add("--instance", default="this-machine", metavar="TYPE", help="instance type of the price table that this is (default %(default)s)")
    add("--bytes-per-item", type=float, metavar="N", help="memory of a cached item, used memory / keys")
    add("--seconds", type=float, default=DEFAULT_SECONDS, metavar="S", help="of each run (default %(default)g)")
    add("--point-rates", metavar="RPS,…", help="rates to check the model at (default: shares of what the misses allow)")
    add("-o", "--output", type=Path, required=True, metavar="FILE", help="file for the profile, for `plan --results`")
    add_machine_flags(parser)
    parser.set_defaults(verb=lambda args, arguments: run(parser, args, arguments))


def run(parser: argparse.ArgumentParser, args: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Measure and write.

    A profile that broke off is written too, with its `problem`, so that nobody takes the one of an
    earlier measurement for it. The exit status: 0, 1 where the profile cannot be measured, 130
    after Ctrl-C. Bad arguments exit with 2.
    """
    started = datetime.now(UTC)
    try:
        scenario = _scenario(args)
        rates = None if args.point_rates is None else [float(rate) for rate in args.point_rates.split(",")]
        corpus = read_corpus(scenario.workload.corpus)
        args.output.touch()
    except (ScenarioError, CorpusError, ValueError) as exc:
        parser.error(str(exc))
    except OSError as exc:
        parser.error(f"--output {args.output}: {exc.strerror}")
    machine = describe_machine()
    around = Circumstances(Provenance(command_shown(arguments), started.isoformat(timespec="seconds"), machine))
    subject = Subject(
        model=scenario.workload.targets[0].model,
        instance=args.instance,
        cores=float(machine["cores"]),
        command=around.provenance.command,
        measured_on=started.date().isoformat(),
        items_per_request=round(scenario.workload.mean_batch_size),
        bytes_per_item=args.bytes_per_item,
    )
    made = Attempt()
    status = DONE
    try:
        _measure(args, scenario, corpus, subject, around, rates, made)
    except (NoAnswerError, TargetError, GeneratorError, WorkloadError) as exc:
        made.problem, status = str(exc), FAILED
    except KeyboardInterrupt:
        made.problem, status = "Ended by hand before everything was measured.", INTERRUPTED
    profile, cautions = profile_of(subject, made)
    args.output.write_text(json.dumps(profile, indent=1) + "\n", encoding="utf-8")
    if made.problem:
        print(made.problem, file=sys.stderr)
    for caution in cautions:
        print(f"Caution: {caution}")
    print(f"profile  {args.output}")
    return status


def _measure(
    args: argparse.Namespace,
    scenario: Scenario,
    corpus: Sequence[str],
    subject: Subject,
    around: Circumstances,
    rates: Sequence[float] | None,
    made: Attempt,
) -> None:
    """Fill `made`, which keeps what there was when a run fails or is ended by hand."""
    made.triton, readers = _readers(args, scenario)
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    progress = StepProgress(console)
    measuring = Phases(
        scenario,
        corpus,
        readers,
        made.triton,
        around,
        pids=args.watch_pid,
        shared_machine=args.shared_machine,
        on_step=progress.begin,
        on_progress=progress.on_progress,
    )
    with progress.shown():
        for phase in measuring.run(args.seconds):
            made.phases.append(phase)
            _show(console, phase)
        if rates is None:
            rates = point_rates(POINT_LOADS, assemble(subject, made.phases, [], made.triton).profile, scenario.workload)
        for point in measuring.points(rates, args.seconds * 2):
            made.points.append(point)
            _show(console, point)


def _scenario(args: argparse.Namespace) -> Scenario:
    for name in ("rate", "users", "arrivals", "speed", "duration"):
        if getattr(args, name) is not None:
            raise ScenarioError(f"--{name} is not for a profile, which chooses its own loads: see --seconds and --point-rates")
    if args.seconds <= 0 or (args.instances is not None and args.instances < 1):
        raise ScenarioError("--seconds must be more than 0, --instances at least 1")
    if args.triton_url is None and args.instances is None:
        raise ScenarioError("needed: --triton-url, or --instances where Triton cannot be reached")
    if args.server == OTHER:
        raise ScenarioError(f"--server {OTHER}: {NOT_TO_PROFILE}")
    args.users, args.duration = 1, args.seconds
    scenario = scenario_from(args)
    if len(scenario.workload.models) > 1:
        raise ScenarioError("a profile is of one model: give one --model")
    return scenario


def _readers(args: argparse.Namespace, scenario: Scenario) -> tuple[Configuration, Readers]:
    """How Triton is configured, and how counters are read.

    Each reading opens a TCP connection of its own, since idle ones are closed between readings.
    """
    base, slash, path = (args.gateway_metrics or scenario.url + METRICS_PATH).rpartition("/")
    target = scenario.workload.targets[0]

    def gateway() -> GatewayUse:
        with Client(base, scenario.headers) as client:
            return read_use(client, base, slash + path)

    if args.triton_url is None:
        return Configuration(args.instances, max_batch_size=1, queue_delay_s=0.0), Readers(gateway, None)
    url = args.triton_url if "//" in args.triton_url else f"http://{args.triton_url}"

    def triton() -> dict[int, Batches]:
        with Client(url) as client:
            return read_batches(client, url, target.model, target.version)

    with Client(url) as client:
        configured = read_configuration(client, url, target.model)
    return configured if args.instances is None else replace(configured, instances=args.instances), Readers(gateway, triton)


def _show(console: Console, phase: Phase) -> None:
    """Show a phase as it ends."""
    results = phase.results
    latency_ms = results.latency.summary_ms or {}
    cpu_s = phase.cpu_s_per_request
    console.print(
        f"{phase.name:>16}  {results.throughput.answered_rps:8,.0f} requests/s  p50 {milliseconds(latency_ms['p50']):>8}  "
        f"p99 {milliseconds(latency_ms['p99']):>8}  hits {results.hits.rate or 0:6.1%}"
        + (f"  gateway {cpu_s * 1e3:.2f} ms CPU/request" if cpu_s is not None else "")
    )
