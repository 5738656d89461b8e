"""A client of a gateway's routes of experiments, as the terminal uses it."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

TIMEOUT_S = 30.0
_NOT_FOUND = 404


class ClientError(Exception):
    """The gateway refused, or there is none; the message is a sentence for the terminal."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Answer(NamedTuple):
    """An answer: its JSON, None where it has none, and its `ETag`."""

    content: Any
    tag: str


class Client:
    """Asks the gateway at `url`; `key` is an API key or a token, empty where none is asked for.

    Raises:
        ClientError: `url` is none of a gateway.
    """

    def __init__(self, url: str, key: str = "") -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ClientError(f"{url!r} is no URL of a gateway, such as http://127.0.0.1:8080")
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def all(self) -> dict[str, Any]:
        """All experiments, and what else the list says."""
        listed: dict[str, Any] = self._ask("GET", "").content
        return listed

    def get(self, key: str) -> Answer | None:
        """An experiment; None where there is none."""
        try:
            return self._ask("GET", _path(key))
        except ClientError as exc:
            if exc.status == _NOT_FOUND:
                return None
            raise

    def put(self, definition: Mapping[str, Any], tag: str | None) -> Answer:
        """Change the experiment whose version is `tag`; None: make it."""
        condition = {"If-None-Match": "*"} if tag is None else {"If-Match": tag}
        return self._ask("PUT", _path(str(definition["key"])), definition, condition)

    def act(self, key: str, action: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Start, pause, stop, promote or roll back an experiment."""
        return self._ask("POST", f"{_path(key)}:{action}", body or {})

    def delete(self, key: str) -> None:
        """Forget an experiment."""
        self._ask("DELETE", _path(key))

    def events(self, key: str) -> list[dict[str, Any]]:
        """What was done to an experiment, oldest first."""
        found: list[dict[str, Any]] = self._ask("GET", f"{_path(key)}/events").content["events"]
        return found

    def results(self, key: str, *, fixed_horizon: bool = False) -> dict[str, Any]:
        """What is known of an experiment's variants now."""
        found: dict[str, Any] = self._ask("GET", f"{_path(key)}/results{'?fixed_horizon=true' * fixed_horizon}").content
        return found

    def shadows(self, key: str) -> list[dict[str, Any]]:
        """How the answers of versions that shadow differ."""
        found: list[dict[str, Any]] = self._ask("GET", f"{_path(key)}/shadows").content["shadows"]
        return found

    def disagreement(self, key: str) -> dict[str, Any]:
        """The results where answers differ, and where they agree."""
        found: dict[str, Any] = self._ask("GET", f"{_path(key)}/disagreement").content
        return found

    def check(self, key: str) -> dict[str, Any]:
        """Whether an experiment's sums are those of its units' records."""
        found: dict[str, Any] = self._ask("GET", f"{_path(key)}/check").content
        return found

    def _ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json", **self._headers, **(headers or {})}
        request = Request(f"{self._url}/v1/experiments{path}", data, given, method=method)  # noqa: S310 - http or https
        try:
            with urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310 - http or https
                raw = response.read()
                return Answer(json.loads(raw) if raw else None, response.headers.get("ETag", ""))
        except HTTPError as exc:
            raise ClientError(_said(exc), exc.code) from None
        except (URLError, OSError) as exc:
            reason = getattr(exc, "reason", exc)
            raise ClientError(f"no gateway answers at {self._url} ({reason}); --url says where one is") from None
        except ValueError:
            raise ClientError(f"what answers at {self._url} is no gateway; --url says where one is") from None


def _path(key: str) -> str:
    return f"/{quote(key, safe='')}"


def _said(exc: HTTPError) -> str:
    """The gateway's own sentence."""
    try:
        return str(json.loads(exc.read())["error"])
    except (ValueError, KeyError, TypeError):
        return f"the answer is HTTP {exc.code}, and is not that of a gateway; --url says where one is"
