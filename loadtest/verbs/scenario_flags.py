"""The command-line flags that make a scenario, alone or over a scenario file.

Every verb that runs load takes them.
"""

import argparse
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loadtest.arrivals.process import PROCESSES
from loadtest.arrivals.text import parse_arrivals
from loadtest.scenario.scenario import Scenario, ScenarioError
from loadtest.verbs.scenario_file import read_fields
from loadtest.workload.effect import parse_effect
from loadtest.workload.server import DETECT, SERVERS
from loadtest.workload.workload import DIALECTS, INPUT_SHAPES

SALT_BYTES = 4


def add_scenario_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags.

    A flag that is not given stays None, and leaves the field of the scenario file, or its default,
    as it is.
    """
    add = parser.add_argument
    add("--scenario", type=Path, metavar="FILE", help="a scenario as YAML; flags override its fields")
    add("--url", help="address of the server, such as http://127.0.0.1:8080")
    add("--model", action="append", metavar="MODEL[@VERSION][=WEIGHT]", help="model to ask; several are mixed by their weights")
    add("--server", help=f"one of {', '.join(SERVERS)} (default {DETECT}: ask it); of another server only the answers are known")
    add(
        "--input-tensor",
        metavar="NAME[:SHAPE]",
        help=f"open-inference: the model's text tensor, {' or '.join(INPUT_SHAPES)} (default TEXT:n,1)",
    )
    add("--output-tensor", metavar="NAME", help="open-inference: the output with a row for each text (default: the first)")
    add("--version", type=int, metavar="V", help="ask for this version, outside any experiment")
    add("--users", type=int, metavar="N", help="closed loop: requests in flight at any time")
    add("--rate", type=float, metavar="RPS", help="open loop: requests a second, as Poisson arrivals unless --arrivals says otherwise")
    add("--arrivals", metavar="PROCESS[:FIELD=VALUE,…]", help=f"open loop: {', '.join(PROCESSES)} (trace:FILE)")
    add("--speed", type=float, metavar="X", help="replay a trace X times as fast as it was recorded")
    add("--max-in-flight", type=int, metavar="N", help="open loop: the most requests that are out at a time (default 1000)")
    add("--max-late", type=float, metavar="S", help="open loop: seconds after which a request that could not start is dropped (default 5)")
    add("--duration", type=float, metavar="S", help="seconds of load; requests in flight at the end are awaited")
    add(
        "--corpus",
        type=Path,
        metavar="FILE",
        help="real texts: JSON Lines with a `text` each (.jsonl), or one text a line; "
        "there is no default, because latency depends on how long your texts are",
    )
    add("--dialect", help=f"one of {', '.join(DIALECTS)} (default {DIALECTS[0]})")
    add("--repeat", type=float, metavar="SHARE", help="share of texts that the cache has seen (default 0.3)")
    add("--zipf", type=_zipf, metavar="S[:N]", help="instead: N texts (default 10000) asked by Zipf's law with the exponent S")
    add("--batch-size", type=_mix("texts", int), metavar="N[:WEIGHT],…", help="texts a request, 1 to 64 (default 1)")
    add("--lengths", type=_lengths, metavar="MIN-MAX[:WEIGHT],…", help="texts of the corpus by their words (default: as they come)")
    add("--units", type=int, metavar="N", help="population that X-Unit-ID is drawn from (default 10000)")
    add("--unit-exponent", type=float, metavar="S", help="draw units by Zipf's law with this exponent (default 0, evenly)")
    add(
        "--effect",
        type=_effect,
        metavar="EXPERIMENT:METRIC:VARIANT=RATE,…",
        help="post an outcome for such a share of each variant's units, the control's first, and say whether the results hold the effect",
    )
    add("--workers", type=int, metavar="N", help="generator processes (default 1)")
    add("--seed", type=int, help="equal seeds send the same texts and units in the same order (default 1)")
    add("--salt", help="what makes unique texts unique; with an equal salt, runs are equal to the byte (default: new each run)")
    add("--timeout", type=float, metavar="S", help="seconds until a request counts as failed (default 10)")
    add("--header", type=_header, action="append", metavar="'NAME: VALUE'", help="sent with every request; may be repeated")


def scenario_from(args: argparse.Namespace) -> Scenario:
    """The scenario that the flags and the file say.

    Raises:
        ScenarioError: a field is missing or wrong; the message names it.
    """
    fields: dict[str, Any] = {} if args.scenario is None else read_fields(args.scenario)
    try:
        _override(fields, args)
        _override_workload(fields.setdefault("workload", {}), args)
        loop = _loop(args, fields)
    except ValueError as exc:
        raise ScenarioError(str(exc)) from exc
    if loop is not None:
        fields["loop"] = loop
    fields.setdefault("salt", secrets.token_hex(SALT_BYTES))
    _require_flags(fields)
    return Scenario.from_dict(fields)


def _override(fields: dict[str, Any], args: argparse.Namespace) -> None:
    given = {
        "url": args.url.rstrip("/") if args.url else None,
        "duration_s": args.duration,
        "workers": args.workers,
        "seed": args.seed,
        "salt": args.salt,
        "timeout_s": args.timeout,
        "server": args.server,
        "headers": {**fields.get("headers", {}), **dict(args.header)} if args.header else None,
    }
    fields.update({name: value for name, value in given.items() if value is not None})


def _override_workload(workload: Any, args: argparse.Namespace) -> None:
    if not isinstance(workload, dict):
        raise ScenarioError("workload must be a mapping with corpus, targets …")
    if args.version is not None and args.model is None:
        raise ScenarioError("--version is of a --model: give both, or the version of a target in --scenario")
    given = {
        "corpus": None if args.corpus is None else str(args.corpus),
        "targets": None if args.model is None else [_target(text, args.version) for text in args.model],
        "dialect": args.dialect,
        "repeat": args.repeat,
        "zipf": args.zipf,
        "batch_sizes": args.batch_size,
        "lengths": args.lengths,
        "units": args.units,
        "unit_exponent": args.unit_exponent,
        "effect": args.effect,
        "trace": args.arrivals.partition(":")[2] if args.arrivals and args.arrivals.startswith("trace:") else None,
    }
    workload.update({name: value for name, value in given.items() if value is not None})
    if str(workload.get("dialect", "")).startswith("tei-"):
        workload.setdefault("targets", [{}])  # a server of TEI has one model
    targets, tensors = workload.get("targets"), _tensors(args)
    if tensors and isinstance(targets, list):
        workload["targets"] = [{**target, **tensors} if isinstance(target, dict) else target for target in targets]


def _loop(args: argparse.Namespace, fields: dict[str, Any]) -> dict[str, Any] | None:
    """The loop that the flags change; None where they leave it."""
    is_open = args.rate is not None or args.arrivals is not None
    if args.users is not None:
        if is_open:
            raise ScenarioError("--users is a closed loop, --rate and --arrivals are an open one: give one of them")
        return {"kind": "closed", "users": args.users}
    given = {"max_in_flight": args.max_in_flight, "max_late_s": args.max_late}
    changed = {name: value for name, value in given.items() if value is not None}
    before = fields.get("loop")
    kept = before if isinstance(before, dict) and before.get("kind") == "open" else {"kind": "open"}
    loop: dict[str, Any] = dict(kept)
    if is_open:
        loop["arrivals"] = parse_arrivals(args.arrivals or "poisson", args.rate)
    if args.speed is not None:
        loop["arrivals"] = {**loop.get("arrivals", {}), "speed": args.speed}
    return {**loop, **changed} if is_open or changed or args.speed is not None else None


def _require_flags(fields: dict[str, Any]) -> None:
    missing = [f"--{flag}" for flag, name in (("url", "url"), ("duration", "duration_s")) if name not in fields]
    missing += [f"--{flag}" for flag, name in (("model", "targets"), ("corpus", "corpus")) if name not in fields["workload"]]
    missing += [] if "loop" in fields else ["--users or --rate"]
    if missing:
        raise ScenarioError(f"needed, as a flag or in --scenario: {', '.join(missing)}")


def _target(text: str, version: int | None) -> dict[str, Any]:
    named, _, weight = text.partition("=")
    model, at, own = named.partition("@")
    try:
        return {"model": model, "version": int(own) if at else version, "weight": float(weight) if weight else 1.0}
    except ValueError as exc:
        raise ScenarioError(f"--model must be like MODEL, MODEL@2 or MODEL@2=0.5, not {text!r}") from exc


def _tensors(args: argparse.Namespace) -> dict[str, str]:
    """The fields of a target that the flags give."""
    name, colon, shape = (args.input_tensor or "").rpartition(":")
    if not colon or shape.isdigit():  # TensorFlow's names end so, as in input:0
        name, shape = args.input_tensor, None
    given = {"input": name, "input_shape": shape, "output": args.output_tensor}
    return {field: value for field, value in given.items() if value is not None}


def _zipf(text: str) -> dict[str, Any]:
    exponent, colon, texts = text.partition(":")
    given: dict[str, Any] = {"exponent": float(exponent)}
    return given | {"texts": int(texts)} if colon else given


def _mix(field: str, kind: Callable[[str], Any]) -> Callable[[str], list[dict[str, Any]]]:
    def parse(text: str) -> list[dict[str, Any]]:
        parts = [part.partition(":") for part in text.split(",")]
        return [{field: kind(value), "weight": float(weight) if weight else 1.0} for value, _, weight in parts]

    return parse


def _lengths(text: str) -> list[dict[str, Any]]:
    bands = []
    for part in text.split(","):
        band, _, weight = part.partition(":")
        low, _, high = band.partition("-")
        bands.append({"min_words": int(low), "max_words": int(high), "weight": float(weight) if weight else 1.0})
    return bands


def _effect(text: str) -> dict[str, object]:
    try:
        return parse_effect(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or "\n" in text or "\r" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form 'Name: value'")
    return name.strip(), value.strip()
