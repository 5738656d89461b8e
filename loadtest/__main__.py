"""Command line: `python -m loadtest run --url http://127.0.0.1:8080 --model topics --users 32 --duration 30 --corpus FILE --report DIR`."""

import argparse
import json
import secrets
import shlex
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from loadtest.client import NoAnswerError
from loadtest.corpus import CorpusError, read_corpus
from loadtest.machine import describe_machine
from loadtest.plan import Plan, PlanError
from loadtest.progress import shown
from loadtest.report import render_html
from loadtest.results import Circumstances, Results, summarize
from loadtest.run import GeneratorError, measure
from loadtest.target import TargetError
from loadtest.verbs import plan as plan_verb
from loadtest.verdict import cautions, milliseconds, verdict

SALT_BYTES = 4
DONE, FAILED, INTERRUPTED = 0, 1, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status: 0, 1 where the run or any request failed, 130 after Ctrl-C. Bad arguments exit with 2."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser, run_parser = _parsers()
    args = parser.parse_args(arguments)
    if "handler" in args:
        return int(args.handler(args))
    try:
        plan = _plan(args)
        corpus = read_corpus(plan.corpus)
        args.report.mkdir(parents=True, exist_ok=True)
    except (PlanError, CorpusError) as exc:
        run_parser.error(str(exc))
    except OSError as exc:
        run_parser.error(f"--report {args.report}: {exc.strerror}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does, with a report
    console = Console(stderr=True, highlight=False)
    around = Circumstances(_command(arguments), datetime.now(UTC).isoformat(timespec="seconds"), describe_machine(), args.usd_per_hour)
    try:
        with shown(console, plan.duration_s) as on_progress:
            measurement = measure(plan, corpus, on_progress)
    except (NoAnswerError, TargetError, GeneratorError) as exc:
        print(exc, file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    samples = list(measurement.samples)
    if not samples:
        print(f"No request was answered or failed within {measurement.elapsed_s:.1f} s: there is nothing to report.", file=sys.stderr)
        return INTERRUPTED if measurement.interrupted else FAILED
    results = summarize(plan, samples, measurement.elapsed_s, measurement.generator_cpu_share, around, interrupted=measurement.interrupted)
    _write(results, args.report)
    _print(results, args.report)
    return FAILED if results.failures else INTERRUPTED if results.interrupted else DONE


def _write(results: Results, folder: Path) -> None:
    (folder / "report.json").write_text(json.dumps(results.to_dict(), indent=1) + "\n", encoding="utf-8")
    (folder / "report.html").write_text(render_html(results), encoding="utf-8")


def _print(results: Results, folder: Path) -> None:
    print(verdict(results))
    for caution in cautions(results):
        print(f"Caution: {caution}")
    for fault in results.errors[:5]:
        print(f"  {fault.requests:,} × {fault.status or 'no answer'}: {fault.reason}")
    if results.latency_ms is not None:
        print("latency  " + "  ".join(f"{name} {milliseconds(results.latency_ms[name])}" for name in ("p50", "p95", "p99", "max")))
        print(f"cache    {results.cache_hit_rate:.1%} hits, {results.sent_repeats:.1%} of the texts sent were repeats")
        print("versions " + ("  ".join(f"{version}: {requests:,}" for version, requests in results.variants.items()) or "not told"))
    print(f"report   {folder / 'report.html'}")


def _plan(args: argparse.Namespace) -> Plan:
    if args.usd_per_hour is not None and args.usd_per_hour < 0:
        raise PlanError("--usd-per-hour must not be negative")
    return Plan(
        url=args.url.rstrip("/"),
        model=args.model,
        users=args.users,
        duration_s=args.duration,
        corpus=args.corpus,
        repeat=args.repeat,
        batch_size=args.batch_size,
        units=args.units,
        seed=args.seed,
        salt=secrets.token_hex(SALT_BYTES) if args.salt is None else args.salt,
        version=args.version,
        timeout_s=args.timeout,
        headers=dict(args.header),
    )


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form 'Name: value'")
    return name.strip(), value.strip()


def _command(arguments: Sequence[str]) -> str:
    """The command as typed, without the values of headers, which may be keys."""
    shown = list(arguments)
    for index, argument in enumerate(shown):
        if argument.startswith("--header=") or shown[max(index - 1, 0)] == "--header":
            shown[index] = argument.partition(":")[0] + ": …"
    return shlex.join(["python", "-m", "loadtest", *shown])


def _parsers() -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    parser = argparse.ArgumentParser(prog="python -m loadtest", description="Load tests of a Headrace gateway, over HTTP.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run",
        allow_abbrev=False,
        help="put a gateway under load and report what it did",
        description="A closed loop: each user sends its next request as soon as it has its answer, without think time.",
    )
    add = run.add_argument
    add("--url", required=True, help="address of the gateway, such as http://127.0.0.1:8080")
    add("--model", required=True, help="model to ask")
    add("--users", type=int, required=True, metavar="N", help="requests in flight at any time")
    add("--duration", type=float, required=True, metavar="S", help="seconds of load; requests in flight at the end are awaited")
    add("--report", type=Path, required=True, metavar="DIR", help="folder for report.json and report.html")
    add(
        "--corpus",
        type=Path,
        required=True,
        metavar="FILE",
        help="real texts: JSON Lines with a `text` each (.jsonl), or one text a line; "
        "there is no default, because latency depends on how long your texts are",
    )
    add("--repeat", type=float, default=0.3, metavar="SHARE", help="share of texts that the cache has seen (default %(default)s)")
    add("--batch-size", type=int, default=1, metavar="N", help="texts a request, 1 to 64 (default %(default)s)")
    add("--units", type=int, default=10_000, metavar="N", help="population that X-Unit-ID is drawn from (default %(default)s)")
    add("--version", type=int, metavar="V", help="ask for this version, outside any experiment")
    add("--seed", type=int, default=1, help="equal seeds send the same texts and units in the same order (default %(default)s)")
    add("--salt", help="what makes unique texts unique; with an equal salt, runs are equal to the byte (default: new each run)")
    add("--usd-per-hour", type=float, metavar="X", help="what the serving hardware costs, for the price of a million texts")
    add("--timeout", type=float, default=10.0, metavar="S", help="seconds until a request counts as failed (default %(default)s)")
    add("--header", type=_header, action="append", default=[], metavar="'NAME: VALUE'", help="sent with every request; may be repeated")
    plan_verb.add(commands)
    return parser, run


if __name__ == "__main__":
    sys.exit(main())
