"""Fetches an issuer's key set (RFC 7517), bounded in time, bytes, depth and number of keys.

The issuer is trusted, and its server may still be broken: whatever it sends, requests are not kept
waiting and memory does not grow. A redirect is not followed, because the keys come from the URL of
the settings and from no other.
"""

import urllib.request
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Final

import orjson

from gateway.errors import GatewayError
from gateway.request.json_limits import JsonLimits, require_within

TIMEOUT_S: Final = 5.0
MAX_BYTES: Final = 2**20
MAX_KEYS: Final = 200
_LIMITS: Final = JsonLimits(max_depth=16, max_values=20_000)
_CHUNK_BYTES: Final = 2**16


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def fetcher(url: str, timeout_s: float = TIMEOUT_S) -> Callable[[], Mapping[str, Any]]:
    """A function that fetches a key set within `timeout_s`; it blocks, so it belongs in a thread.

    It raises OSError where the server does not answer so, and ValueError where the answer is no key
    set or is over a bound.
    """
    opener = urllib.request.build_opener(_NoRedirects())

    def fetch() -> Mapping[str, Any]:
        ends_at = monotonic() + timeout_s
        parts, size = [], 0
        with opener.open(url, timeout=timeout_s) as response:
            while part := response.read1(_CHUNK_BYTES):
                size += len(part)
                if size > MAX_BYTES:
                    raise ValueError(f"the key set has more than {MAX_BYTES} bytes")
                if monotonic() > ends_at:
                    raise TimeoutError(f"the key set was not there within {timeout_s:g} s")
                parts.append(part)
        return parsed(b"".join(parts))

    return fetch


def parsed(raw: bytes) -> Mapping[str, Any]:
    """A key set, read within its bounds.

    Raises:
        ValueError: it is no JSON object with a list `keys`, or is over a bound.
    """
    try:
        require_within(raw, "the key set", _LIMITS)
    except GatewayError as exc:
        raise ValueError(exc.message) from exc
    key_set = orjson.loads(raw)
    if not isinstance(key_set, dict) or not isinstance(keys := key_set.get("keys"), list):
        raise ValueError('the key set is no object with a list "keys"')
    if len(keys) > MAX_KEYS:
        raise ValueError(f"the key set has {len(keys)} keys, at most {MAX_KEYS} are read")
    return key_set
