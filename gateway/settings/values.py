"""Values of settings, parsed from the text of environment variables.

A text that cannot be used is a `ValueError` with a sentence.
"""

import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from gateway.catalog.default_models import USES
from gateway.request.principal import DEFAULT_SCOPES, parse_scopes

_KEY = re.compile(r"([A-Za-z0-9_.-]{1,100}):([0-9a-f]{64})(?::([a-z+]+))?")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s,?#@*]+")
_ENDPOINT = re.compile(r"(?:dns:///)?(?P<host>[^/\s,]+):(?P<port>\d{1,5})")
_MAX_PORT = 65_535
_HEADER = re.compile(r"([a-z0-9_.-]+)=([\x20-\x7e]+)")


class FixedKey(NamedTuple):
    """A key that the settings know by its digest."""

    tenant: str
    scopes: frozenset[str]


def of_text(parse: Callable[[str], object]) -> Callable[[object], object]:
    """A parser that leaves what is not text as it is."""
    return lambda value: parse(value) if isinstance(value, str) else value


def endpoints(text: str) -> str:
    """`host:port,dns:///host:port,…`, as it is."""
    matches = [_ENDPOINT.fullmatch(url) for url in text.split(",")]
    if any(match is None or not 0 < int(match["port"]) <= _MAX_PORT for match in matches):
        raise ValueError("give host:port, several separated by commas, or dns:///host:port for all addresses of a name")
    for match in filter(None, matches):
        try:
            match["host"].strip("[]").encode("idna")
        except UnicodeError:
            reason = "one of the hosts has a name that no host can have; look for two dots in a row or a part that is too long"
            raise ValueError(reason) from None
    return text


def redis_url(text: str) -> str:
    """A URL of Redis or Valkey, as it is."""
    try:
        parts = urlsplit(text)
        usable = parts.path != "" if parts.scheme == "unix" else parts.hostname is not None and parts.port != 0
    except ValueError:
        usable = False  # what the library says of it may quote a part of the password
    if not usable or parts.scheme not in ("redis", "rediss", "unix"):
        raise ValueError(
            "give redis://host:port/db, rediss:// for TLS or unix:///path, a password before the host as :password@, "
            "in which what is special in URLs (/ ? # @ : %) is percent-encoded"
        )
    return text


def api_keys(text: str) -> dict[str, FixedKey]:
    """`TENANT:SHA256[:SCOPE+SCOPE],…` → keys by digest."""
    keys = {}
    for entry in filter(None, words(text)):
        if not (match := _KEY.fullmatch(entry)):
            raise ValueError(
                "give TENANT:SHA256 or TENANT:SHA256:SCOPE+SCOPE, separated by commas, SHA256 being the key's sha256 in 64 hex digits"
            )
        keys[match[2]] = FixedKey(match[1], parse_scopes(match[3].split("+")) if match[3] else DEFAULT_SCOPES)
    return keys


def words(text: str) -> tuple[str, ...]:
    """`a, b` → what stands between the commas."""
    return tuple(part.strip() for part in text.split(","))


def names(text: str) -> frozenset[str]:
    """`a, b` → the names."""
    return frozenset(filter(None, words(text)))


def origins(text: str) -> tuple[str, ...]:
    """`https://a.example, http://localhost:3000` or `*` → the origins."""
    found = tuple(filter(None, words(text)))
    if any(origin != "*" and not _ORIGIN.fullmatch(origin) for origin in found):
        raise ValueError("give origins as browsers send them, such as https://app.example or http://localhost:3000, without a path; or *")
    return found


def ways_in(text: str) -> frozenset[str]:
    """`keys`, `jwt` or both; of `off` none."""
    ways = frozenset(words(text))
    if ways == {"off"}:
        return frozenset()
    if not ways <= {"keys", "jwt"}:
        raise ValueError("must be off, keys, jwt or keys,jwt")
    return ways


def headers(text: str) -> dict[str, str]:
    """`name=value,…` → values by name."""
    matches = [_HEADER.fullmatch(entry) for entry in words(text)]
    if None in matches:
        raise ValueError("give name=value pairs separated by commas, names in lower case")
    return {match[1]: match[2] for match in matches if match}


def model_aliases(text: str) -> dict[str, str]:
    """`ALIAS=MODEL,…` → models by alias."""
    pairs = [part.rpartition("=") for part in words(text) if part]
    if any(not alias.isprintable() or not alias.strip("/:") or not model for alias, _, model in pairs):
        raise ValueError("give ALIAS=MODEL pairs separated by commas, ALIAS being the name that clients say")
    aliases = {alias: model for alias, _, model in pairs}
    if len(aliases) < len(pairs):
        raise ValueError("an alias stands there twice; give each one model")
    if chained := sorted(aliases.keys() & set(aliases.values())):
        raise ValueError(f"{chained[0]} is an alias and the model of another; give a model's own name")
    return aliases


def default_models(text: str) -> dict[str, str]:
    """`USE=MODEL,…` → models by use."""
    pairs = [part.partition("=") for part in words(text) if part]
    if any(use not in USES or not model for use, _, model in pairs):
        raise ValueError(f"give USE=MODEL pairs separated by commas, USE being one of {', '.join(USES)}")
    return {use: model for use, _, model in pairs}
