"""Servers that are not Headrace, tiny and written from their protocols.

TEI, an OpenAI-compatible one (vLLM), Triton and KServe: the paths that they answer at, what their
answers look like, and how they say that there is nothing else.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = Any
LABELS = [{"label": "earn", "score": 0.9}, {"label": "acq", "score": 0.1}]


@dataclass
class OtherServer:
    """What a server answers, and what it was asked.

    `posts` gives the answer to a body by its path; `gets` those of its other paths. `spoil` changes
    a good answer into a wrong one.
    """

    posts: dict[str, Callable[[Json], Json]]
    gets: dict[str, Json] = field(default_factory=dict)
    absent: Json = None
    spoil: Callable[[Json], Json] = lambda answer: answer
    asked: list[tuple[str, Json]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=lambda: {"X-Cache": "HIT from proxy", "X-Model-Version": "9"})
    url: str = ""


def tei(**given: Any) -> OtherServer:
    """TEI serves one model, at the root."""
    return OtherServer(
        {
            "/embed": lambda body: [[0.25, -0.5, 1] for _ in body["inputs"]],
            "/predict": lambda body: [LABELS for [_text] in body["inputs"]],
            "/rerank": lambda body: [{"index": i, "score": 0.5} for i in reversed(range(len(body["texts"])))] if body["query"] else None,
        },
        {"/info": {"model_id": "BAAI/bge-small-en-v1.5", "version": "1.8.0"}},
        **given,
    )


def openai(**given: Any) -> OtherServer:
    """vLLM's embeddings: `detail` where there is no path, `error` where there is no model."""

    def embeddings(body: Json) -> Json:
        assert body.keys() == {"model", "input"}
        data = [{"object": "embedding", "index": i, "embedding": [0.5, 0.5]} for i, _ in enumerate(body["input"])]
        return {"id": "embd-1", "object": "list", "model": body["model"], "data": data, "usage": {"prompt_tokens": 4, "total_tokens": 4}}

    models = {"object": "list", "data": [{"id": "bge", "object": "model", "owned_by": "vllm"}]}
    return OtherServer({"/v1/embeddings": embeddings}, {"/v1/models": models}, {"detail": "Not Found"}, **given)


def triton(**given: Any) -> OtherServer:
    """Triton: two outputs of which the second has the scores, flat."""

    def infer(body: Json) -> Json:
        (tensor,) = body["inputs"]
        rows = tensor["shape"][0]
        assert tensor == {"name": "text", "shape": [rows, 1], "datatype": "BYTES", "data": tensor["data"]}
        assert len(tensor["data"]) == rows
        outputs = [
            {"name": "model_info", "datatype": "BYTES", "shape": [1], "data": ["bert"]},
            {"name": "scores", "datatype": "FP32", "shape": [rows, 2], "data": [0.9, 0.1] * rows},
        ]
        return {"model_name": "topics", "model_version": "3", "outputs": outputs}

    paths = ("/v2/models/topics/infer", "/v2/models/topics/versions/3/infer")
    return OtherServer(dict.fromkeys(paths, infer), {"/v2": {"name": "triton", "version": "2.50.0", "extensions": []}}, **given)


def kserve(**given: Any) -> OtherServer:
    """KServe's Hugging Face runtime, V1 and V2, which tells of a model only whether it is ready."""

    def infer(body: Json) -> Json:
        (tensor,) = body["inputs"]
        rows = len(tensor["data"])
        assert tensor == {"name": "input-0", "shape": [rows], "datatype": "BYTES", "data": tensor["data"]}
        return {
            "model_name": "topics",
            "id": "1",
            "outputs": [{"name": "output-0", "shape": [rows], "datatype": "INT64", "data": [1] * rows}],
        }

    def predict(body: Json) -> Json:
        assert body.keys() == {"instances"}
        return {"predictions": [1 for _ in body["instances"]]}

    return OtherServer(
        {"/v1/models/topics:predict": predict, "/v2/models/topics/infer": infer},
        {"/v1/models/topics": {"name": "topics", "ready": True}, "/v2": {"name": "kserve", "version": "0.15.0", "extensions": []}},
        {"error": "no such path"},
        **given,
    )


@contextmanager
def running(server: OtherServer) -> Iterator[OtherServer]:
    """The server on a free port of the loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._answer(server.gets.get(self.path))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.asked.append((self.path, body))
            post = server.posts.get(self.path)
            self._answer(None if post is None else server.spoil(post(body)))

        def _answer(self, answer: Json) -> None:
            content = b"" if answer is None is server.absent else json.dumps(server.absent if answer is None else answer).encode()
            self.send_response(404 if answer is None else 200)
            for name, value in {"Content-Length": str(len(content)), **server.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            server.url = f"http://127.0.0.1:{listening.server_address[1]}"
            yield server
        finally:
            listening.shutdown()
            thread.join()
