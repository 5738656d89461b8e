"""Values that settings hold, from the text that an environment variable holds. What is wrong is a `ValueError` with a sentence."""

import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from gateway.default_models import TASKS
from gateway.security.principal import DEFAULT_SCOPES, parse_scopes

_KEY = re.compile(r"([A-Za-z0-9_.-]{1,100}):([0-9a-f]{64})(?::([a-z+]+))?")
MAX_PORT = 65_535
_HEADER = re.compile(r"([a-z0-9_.-]+)=([\x20-\x7e]+)")


class FixedKey(NamedTuple):
    """A key that the settings know by its digest."""

    tenant: str
    scopes: frozenset[str]


def of_text(parse: Callable[[str], object]) -> Callable[[object], object]:
    """A parser that leaves what is not text as it is."""
    return lambda value: parse(value) if isinstance(value, str) else value


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


def triton_url(text: str) -> str:
    """`host:port,…` as it is, where each can be an address; what else it must look like is the setting's own pattern."""
    for address in words(text):
        host, _, port = address.removeprefix("dns:///").rpartition(":")
        if port.isdecimal() and not 0 < int(port) <= MAX_PORT:
            raise ValueError(f"a port must be 1 to {MAX_PORT}, and {port} is not")
        try:
            host.strip("[]").encode("idna")
        except UnicodeError:
            raise ValueError(
                "one of the hosts has a name that no host can have; look for two dots in a row or a part that is too long"
            ) from None
    return text


def redis_url(text: str) -> str:
    """A URL as it is, where its port can be one."""
    try:
        urlsplit(text).port  # noqa: B018 - it is read when it is asked for
    except ValueError:
        # without the value: in a URL that is wrong a password may stand where the port should
        raise ValueError(f"its port must be a number of at most {MAX_PORT}, as in redis://127.0.0.1:6379/0") from None
    return text


def default_models(text: str) -> dict[str, str]:
    """`USE=MODEL,…` → models by use."""
    pairs = [part.partition("=") for part in words(text) if part]
    if any(use not in TASKS or not model for use, _, model in pairs):
        raise ValueError(f"give USE=MODEL pairs separated by commas, USE being one of {', '.join(TASKS)}")
    return {use: model for use, _, model in pairs}
