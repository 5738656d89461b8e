"""`python -m gateway keys`: make, list, rotate and revoke API keys in the state that
`HEADRACE_STATE_URL` names.

A new key is printed on standard output and nothing else is; what is to be said about it goes to
standard error.
"""

import argparse
import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from time import time

import orjson

from gateway.errors import GatewayError, StateUnavailable
from gateway.request.principal import DEFAULT_SCOPES, SCOPES
from gateway.request.rate_limits import NAMES, RateLimits, parse_rate_limits
from gateway.security.api_keys import MAX_LIFE_S, ApiKey, NewKey, make
from gateway.security.key_store import KeyStore
from gateway.state.state import State

_DURATION = re.compile(r"(\d+)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
TIMEOUT_S = 5.0


def keys(argv: list[str], open_state: Callable[[float], State], where: Callable[[], str]) -> int:
    """The command; returns the exit status.

    `open_state` takes a call's timeout, seconds. `where` tells the address of state for a sentence.
    """
    args = _parser().parse_args(argv)
    try:
        asyncio.run(_run(args, open_state))
    except StateUnavailable:
        # which of them it is stands in the line that state has logged
        print(f"{where()} does not answer or refuses; is a Redis or Valkey running there, and is its user allowed in?", file=sys.stderr)
        return 1
    except (GatewayError, ValueError) as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


async def _run(args: argparse.Namespace, open_state: Callable[[float], State]) -> None:
    state = open_state(TIMEOUT_S)
    verb: Callable[[argparse.Namespace, KeyStore], Awaitable[None]] = args.verb
    try:
        await verb(args, KeyStore(state, RateLimits(), RateLimits()))
    finally:
        await state.aclose()


async def _create(args: argparse.Namespace, store: KeyStore) -> None:
    now = time()
    expires_at = None if args.expires_in is None else now + args.expires_in
    scopes = frozenset(args.scope or DEFAULT_SCOPES)
    new = make(args.tenant, scopes, now, expires_at=expires_at, limits=args.limits, note=args.note)
    await store.create(new)
    _show_new(new)


async def _list(args: argparse.Namespace, store: KeyStore) -> None:
    now = time()
    found = await store.list_keys()
    if args.json:
        print(orjson.dumps([key.shown(now) for key in found], option=orjson.OPT_INDENT_2).decode())
        return
    rows = [("ID", "TENANT", "SCOPES", "STATE", "EXPIRES", "LIMITS", "NOTE"), *(_row(key, now) for key in found)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


async def _rotate(args: argparse.Namespace, store: KeyStore) -> None:
    _show_new(await store.rotate(args.id, time(), args.grace))
    print(f"the key {args.id} goes on for {args.grace} s", file=sys.stderr)


async def _revoke(args: argparse.Namespace, store: KeyStore) -> None:
    key = await store.revoke(args.id, time())
    print(f"the key {key.id} of {key.tenant} is revoked", file=sys.stderr)


def _show_new(new: NewKey) -> None:
    print(new.text)
    what = f"tenant {new.key.tenant}, scopes {', '.join(sorted(new.key.scopes))}, expires {_date(new.key.expires_at)}"
    print(f"id {new.key.id}: {what}. Keep the key: it is not shown again.", file=sys.stderr)


def _row(key: ApiKey, now: float) -> tuple[str, ...]:
    limits = ",".join(f"{name}={value:g}" for name, value in key.limits.given().items())
    return (key.id, key.tenant, ",".join(sorted(key.scopes)), key.state(now), _date(key.expires_at), limits or "-", key.note or "-")


def _date(seconds: float | None) -> str:
    return "never" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _duration_s(text: str) -> int:
    if not (match := _DURATION.fullmatch(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: give a number and s, m, h or d, e.g. 90d")
    seconds = int(match[1]) * _SECONDS[match[2]]
    if seconds > MAX_LIFE_S:
        raise argparse.ArgumentTypeError(f"{text!r} is more than 100 years, which is too long")
    return seconds


def _rate_limits(text: str) -> RateLimits:
    try:
        return parse_rate_limits(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gateway keys", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    create = verbs.add_parser("create", help="make a key and print it, once")
    create.add_argument("tenant", help="whose key it is")
    create.add_argument("--scope", action="append", choices=SCOPES, help="what it may do; repeat for more (default predict, feedback)")
    create.add_argument("--expires-in", type=_duration_s, metavar="90d", help="its life; default: until it is revoked")
    create.add_argument("--limits", type=_rate_limits, metavar="NAME=NUMBER,…", help=f"of {', '.join(NAMES)}")
    create.add_argument("--note", default="", help="what it is for")
    create.set_defaults(verb=_create)

    listing = verbs.add_parser("list", help="show all keys, without the keys themselves")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(verb=_list)

    rotate = verbs.add_parser("rotate", help="make a key that takes another's place, and print it, once")
    rotate.add_argument("id")
    rotate.add_argument("--grace", type=_duration_s, default=86_400, metavar="1d", help="how long the old one goes on (default 1d)")
    rotate.set_defaults(verb=_rotate)

    revoke = verbs.add_parser("revoke", help="end a key")
    revoke.add_argument("id")
    revoke.set_defaults(verb=_revoke)
    return parser
