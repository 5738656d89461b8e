"""The dialects that requests are sent in: their paths and bodies, and how many predictions the
body of a response holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from loadtest.workload.workload import Target

Texts = Sequence[bytes]
"""Texts as JSON strings."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One dialect.

    `answers` takes the decoded body of a 200; it gives the number of predictions, or None where
    there are none to count. `use` names the paths that only the models of one task answer at, as
    the gateway names them (`HEADRACE_DEFAULT_MODELS`); None: the models of every task answer for
    which a text is enough.
    """

    path: Callable[[Target], str]
    body: Callable[[Target, Texts], bytes]
    answers: Callable[[Any], int | None]
    use: str | None = None


def count_answers(dialect: Dialect, content: bytes) -> int | None:
    """How many predictions the body of a 200 holds; None where it is no answer in this dialect."""
    try:
        return dialect.answers(orjson.loads(content))
    except ValueError:
        return None


def error_in(content: bytes) -> str | None:
    """The server's own sentence about an error; None where there is none.

    It is `error` as text, or in OpenAI's object.
    """
    try:
        body = orjson.loads(content)
    except ValueError:
        return None
    said = body.get("error") if isinstance(body, dict) else None
    if isinstance(said, dict):
        said = said.get("message")
    return said if isinstance(said, str) and said else None


def _kserve_body(target: Target, texts: Texts) -> bytes:
    version = b"" if target.version is None else b', "version": %d' % target.version
    return b'{"instances": [' + b", ".join(texts) + b"]" + version + b"}"


def _open_inference_body(_target: Target, texts: Texts) -> bytes:
    head = b'{"inputs": [{"name": "TEXT", "shape": [%d, 1], "datatype": "BYTES", "data": [' % len(texts)
    return head + b", ".join(texts) + b"]}]}"


def _openai_body(target: Target, texts: Texts) -> bytes:
    version = b"" if target.version is None else b', "version": %d' % target.version
    return b'{"model": ' + orjson.dumps(target.model) + b', "input": [' + b", ".join(texts) + b"]" + version + b"}"


def _tei_body(_target: Target, texts: Texts) -> bytes:
    return b'{"inputs": [' + b", ".join(texts) + b"]}"


def _tei_predict_body(_target: Target, texts: Texts) -> bytes:
    # a list of texts would be one pair; a list of lists is a batch
    return b'{"inputs": [' + b", ".join(b"[" + text + b"]" for text in texts) + b"]}"


def _open_inference_path(target: Target) -> str:
    version = "" if target.version is None else f"/versions/{target.version}"
    return f"/v2/models/{target.model}{version}/infer"


def _listed(field: str) -> Callable[[Any], int | None]:
    def answers(body: Any) -> int | None:
        listed = body.get(field) if isinstance(body, dict) else None
        return len(listed) if isinstance(listed, list) else None

    return answers


def _rows_of_first_output(body: Any) -> int | None:
    outputs = body.get("outputs") if isinstance(body, dict) else None
    try:
        rows = outputs[0]["shape"][0]  # type: ignore[index] # what is no list of outputs raises
    except (TypeError, LookupError):
        return None
    return rows if isinstance(rows, int) else None


def _rows(body: Any) -> int | None:
    return len(body) if isinstance(body, list) else None


def _tei(use: str, body: Callable[[Target, Texts], bytes]) -> Dialect:
    return Dialect(lambda target: f"/models/{target.model}/{use}", body, _rows, use)


BY_NAME = {
    "kserve-v1": Dialect(lambda target: f"/v1/models/{target.model}:predict", _kserve_body, _listed("predictions")),
    "open-inference": Dialect(_open_inference_path, _open_inference_body, _rows_of_first_output),
    "openai": Dialect(lambda _: "/v1/embeddings", _openai_body, _listed("data"), use="embed"),
    "tei-embed": _tei("embed", _tei_body),
    "tei-predict": _tei("predict", _tei_predict_body),
}
