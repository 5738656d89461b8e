"""The dialects that requests are sent in: their paths, their bodies, and what an answer holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import orjson

from loadtest.workload import answers
from loadtest.workload.server import OTHER
from loadtest.workload.workload import Target

Texts = Sequence[bytes]
"""Texts as JSON strings."""
RERANK_QUERY = "what happened?"
"""All texts are ranked for one query: so a text that is sent again is the same pair again."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One dialect.

    `path` takes the target and the kind of server; `fault`, of `answers.py`, says why an answer is
    none. `use` names the paths that only the models of one task answer at, as the gateway names
    them (`HEADRACE_DEFAULT_MODELS`); None: the models of every task answer for which a text is
    enough. `instance` makes of a text what asks the same of Headrace's `:predict`.
    """

    path: Callable[[Target, str], str]
    body: Callable[[Target, Texts], bytes]
    fault: answers.Answers
    use: str | None = None
    instance: Callable[[str], Any] = str


def fault_in(dialect: Dialect, content: bytes, texts: int, output: str = "") -> str:
    """Why the body of a 200 is no answer in this dialect; "" where it is one for so many texts."""
    try:
        body = orjson.loads(content)
    except ValueError:
        return "the answer is not JSON"
    return dialect.fault(body, texts, output)


def error_in(content: bytes) -> str | None:
    """The server's own sentence about an error; None where there is none.

    It is `error` as text or in OpenAI's object, or else `message` (vLLM) or `detail` (FastAPI).
    """
    try:
        body = orjson.loads(content)
    except ValueError:
        return None
    if not isinstance(body, dict):
        return None
    said = body.get("error")
    if isinstance(said, dict):
        said = said.get("message")
    return next((text for text in (said, body.get("message"), body.get("detail")) if isinstance(text, str) and text), None)


def _kserve_body(target: Target, texts: Texts) -> bytes:
    version = b"" if target.version is None else b', "version": %d' % target.version
    return b'{"instances": [' + b", ".join(texts) + b"]" + version + b"}"


def _open_inference_body(target: Target, texts: Texts) -> bytes:
    shape = b"%d" if target.input_shape == "n" else b"%d, 1"
    head = b'{"inputs": [{"name": %s, "shape": [%s], "datatype": "BYTES", "data": [' % (orjson.dumps(target.input), shape % len(texts))
    return head + b", ".join(texts) + b"]}]}"


def _openai_body(target: Target, texts: Texts) -> bytes:
    version = b"" if target.version is None else b', "version": %d' % target.version
    return b'{"model": ' + orjson.dumps(target.model) + b', "input": [' + b", ".join(texts) + b"]" + version + b"}"


def _tei_body(_target: Target, texts: Texts) -> bytes:
    return b'{"inputs": [' + b", ".join(texts) + b"]}"


def _tei_predict_body(_target: Target, texts: Texts) -> bytes:
    # a list of texts would be one pair; a list of lists is a batch
    return b'{"inputs": [' + b", ".join(b"[" + text + b"]" for text in texts) + b"]}"


def _tei_rerank_body(_target: Target, texts: Texts) -> bytes:
    return b'{"query": ' + orjson.dumps(RERANK_QUERY) + b', "texts": [' + b", ".join(texts) + b"]}"


def _open_inference_path(target: Target, _server: str) -> str:
    version = "" if target.version is None else f"/versions/{target.version}"
    return f"/v2/models/{quote(target.model)}{version}/infer"


def _tei(use: str, body: Callable[[Target, Texts], bytes], check: answers.Answers) -> Dialect:
    def path(target: Target, server: str) -> str:
        # a server of TEI has one model, which no path names
        return f"/models/{quote(target.model)}/{use}" if server != OTHER and target.model else f"/{use}"

    return Dialect(path, body, check, use)


BY_NAME = {
    "kserve-v1": Dialect(lambda target, _server: f"/v1/models/{quote(target.model)}:predict", _kserve_body, answers.predictions),
    "open-inference": Dialect(_open_inference_path, _open_inference_body, answers.output_tensor),
    "openai": Dialect(lambda _target, _server: "/v1/embeddings", _openai_body, answers.openai_embeddings, use="embed"),
    "tei-embed": _tei("embed", _tei_body, answers.tei_embeddings),
    "tei-predict": _tei("predict", _tei_predict_body, answers.tei_labels),
    "tei-rerank": replace(
        _tei("rerank", _tei_rerank_body, answers.tei_ranks), instance=lambda text: {"query": RERANK_QUERY, "documents": [text]}
    ),
}
