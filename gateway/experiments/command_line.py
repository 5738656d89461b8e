"""`python -m gateway experiment`: see, change, start and end experiments of a running gateway.

HEADRACE_CLIENT_URL says where it is (else http://127.0.0.1:8080), HEADRACE_CLIENT_KEY is a key with
the scope experiments where it asks for one. `export` and `apply` keep definitions in git.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from gateway.experiments.client import Client, ClientError
from gateway.experiments.definition import read
from gateway.experiments.record import READ_ONLY
from gateway.experiments.results_text import disagreement_shown, shadows_shown, shown
from gateway.files import yaml_text

URL, KEY = "HEADRACE_CLIENT_URL", "HEADRACE_CLIENT_KEY"
DEFAULT_URL: Final = "http://127.0.0.1:8080"
_ON_THE_WAY: Final = {"running": "start", "paused": "pause", "stopped": "stop"}


def experiment(argv: list[str]) -> int:
    """The command; returns the exit status."""
    args = _parser().parse_args(argv)
    verb: Callable[[argparse.Namespace, Client], None] = args.verb
    try:
        verb(args, Client(args.url, os.environ.get(KEY, "")))
    except (ClientError, ValueError) as exc:
        print(exc, file=sys.stderr)
        return 1
    except OSError as exc:
        print(f"{exc.filename}: {exc.strerror}", file=sys.stderr)
        return 1
    return 0


def _list(args: argparse.Namespace, client: Client) -> None:
    listed = client.all()
    if args.json:
        print(json.dumps(listed["experiments"], indent=2))
        return
    rows = [("KEY", "STATUS", "EPOCH", "MODEL", "COVERAGE", "MANAGED BY", "DESCRIPTION")]
    _print_table(rows + [_row(one) for one in listed["experiments"]])
    if listed.get("stale"):
        print("state does not answer: this is what the gateway read last", file=sys.stderr)
    if listed["auth"] != "on":
        print(f"authentication is {listed['auth']}", file=sys.stderr)


def _get(args: argparse.Namespace, client: Client) -> None:
    found = client.get(args.key)
    if found is None:
        raise ClientError(f"no such experiment: {args.key}")
    print(yaml_text.dump(found.content), end="")


def _export(args: argparse.Namespace, client: Client) -> None:
    kept = [one for one in client.all()["experiments"] if one["managed_by"] == "state" and args.key in (None, one["key"])]
    if args.key is not None and not kept:
        raise ClientError(f"no such experiment in state: {args.key}")
    print(yaml_text.dump({"experiments": [_short(one) for one in kept]}), end="")


def _apply(args: argparse.Namespace, client: Client) -> None:
    text = sys.stdin.read() if args.file == Path("-") else args.file.read_text(encoding="utf-8")
    given = yaml_text.load(text)
    definitions = given.get("experiments", given) if isinstance(given, dict) else given
    for definition in definitions if isinstance(definitions, list) else [definitions]:
        if not isinstance(definition, dict) or "key" not in definition:
            raise ValueError(f"{args.file}: must hold experiments: and a list of definitions, each with its key")
        print(_applied(definition, client))


def _applied(given: dict[str, Any], client: Client) -> str:
    """Make the experiment as a definition says; what was done, as a line."""
    definition = {name: value for name, value in given.items() if name not in READ_ONLY}
    key, before = str(given["key"]), client.get(str(given["key"]))
    after = client.put(definition, None if before is None else before.tag).content
    done = ["made" if before is None else "as it was" if after["revision"] == before.content.get("revision") else "changed"]
    wanted = given.get("status", after["status"])
    if wanted != after["status"]:
        action = _ON_THE_WAY.get(wanted)
        if action is None:
            raise ValueError(f"{key}: status: it is {after['status']} and cannot become {wanted}")
        done.append(f"now {client.act(key, action).content['status']}")
    return f"{key}: {', '.join(done)}"


def _act(args: argparse.Namespace, client: Client) -> None:
    body = {"variant": args.variant} if getattr(args, "variant", None) else None
    after = client.act(args.key, args.action, body).content
    print(f"{args.key}: {after['status']}")


def _delete(args: argparse.Namespace, client: Client) -> None:
    client.delete(args.key)
    print(f"{args.key}: deleted")


def _events(args: argparse.Namespace, client: Client) -> None:
    found = client.events(args.key)
    if args.json:
        print(json.dumps(found, indent=2))
        return
    rows = [(_date(event["at"]), event["action"], (event["after"] or {}).get("status", "-"), event["by"]) for event in found]
    _print_table([("AT", "ACTION", "STATUS", "BY"), *rows])


def _short(answer: dict[str, Any]) -> dict[str, Any]:
    """The definition without what it says by default, and its status."""
    definition = read({name: value for name, value in answer.items() if name not in READ_ONLY})
    return {**definition.model_dump(mode="json", exclude_defaults=True), "status": answer["status"]}


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    model = one.get("model") or one["variants"][0].get("model") or "-"
    coverage = (one.get("ramp_state") or one)["coverage"]
    return one["key"], one["status"], str(one["epoch"]), model, f"{coverage:g}", one["managed_by"], one["description"] or "-"


def _results(args: argparse.Namespace, client: Client) -> None:
    found = client.results(args.key, fixed_horizon=args.fixed_horizon)
    print(json.dumps(found, indent=2) if args.json else "\n".join(shown(found)))


def _shadows(args: argparse.Namespace, client: Client) -> None:
    found = client.shadows(args.key)
    print(json.dumps(found, indent=2) if args.json else "\n".join(shadows_shown(found)))


def _disagreement(args: argparse.Namespace, client: Client) -> None:
    found = client.disagreement(args.key)
    print(json.dumps(found, indent=2) if args.json else "\n".join(disagreement_shown(found)))
    if found["fault"]:
        raise ClientError(f"not to be trusted: {found['fault']}")


def _check(args: argparse.Namespace, client: Client) -> None:
    found = client.check(args.key)
    print(f"epoch {found['epoch']}: {found['sentence']}")
    if found["ok"] is False:
        raise ClientError("the results of this experiment cannot be trusted")


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gateway experiment", description=__doc__)
    parser.add_argument("--url", default=os.environ.get(URL, DEFAULT_URL), help="the gateway's (default %(default)s)")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def add(name: str, verb: Callable[[argparse.Namespace, Client], None], what: str, *, key: bool = True) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=what)
        added.set_defaults(verb=verb, action=name)
        if key:
            added.add_argument("key", help="the experiment's key")
        return added

    add("list", _list, "show all experiments", key=False).add_argument("--json", action="store_true", help="as JSON")
    add("get", _get, "show one, as YAML")
    add("apply", _apply, "make or change those that a YAML file holds, with their status", key=False).add_argument(
        "file", type=Path, help="-: what comes on standard input"
    )
    add("export", _export, "write those of state as YAML, which apply takes", key=False).add_argument(
        "key", nargs="?", help="this one only"
    )
    add("start", _act, "assign units")
    add("pause", _act, "assign nobody for a while")
    add("stop", _act, "end one for good")
    promote = add("promote", _act, "make a variant's version the default of its model, and end the experiment")
    promote.add_argument("--variant", metavar="NAME", help="which one (default: the one that is not the control)")
    add("rollback", _act, "make the version the default again that was it before the promotion")
    results = add("results", _results, "show what is known of its variants now")
    results.add_argument("--json", action="store_true", help="as JSON")
    results.add_argument("--fixed-horizon", action="store_true", help="also Welch's t-test, for one look at the planned end")
    add("shadows", _shadows, "show how versions that shadow differ").add_argument("--json", action="store_true", help="as JSON")
    add("disagreement", _disagreement, "show effects where answers differ").add_argument("--json", action="store_true", help="as JSON")
    add("check", _check, "make its sums anew from the records of its units, and compare")
    add("approve", _act, "allow the next step of its ramp")
    add("events", _events, "show who did what").add_argument("--json", action="store_true", help="as JSON")
    add("delete", _delete, "forget one that is a draft or stopped")
    return parser
