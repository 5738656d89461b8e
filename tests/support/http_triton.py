"""A Triton over HTTP without models: it computes rows from a package's digest and the texts."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
from google.protobuf import json_format

from gateway.fakes.predictions import predict
from gateway.fakes.rows import pack_row
from gateway.request.bytes_tensor import packed, unpacked
from gateway.request.prediction import Item
from model_repository import config as contract
from model_repository.manifest import Manifest
from model_repository.tensors import DIGEST


def scores(package: Manifest, text: str) -> list[float]:
    """What a package answers to a text: packages of one version answer otherwise."""
    seed = package.digest.removeprefix("sha256:")[:8]
    return list(predict(package, Item(f"{seed} {text}".encode())))


class HttpTriton:
    """Serves one package of each version.

    `proven` says whether answers name the package that computed them. `during_call` is called once,
    after rows were computed and before they are answered. A package in `answers_as` computes the
    rows, whatever the configuration says.
    """

    def __init__(self, *packages: Manifest, proven: bool = True) -> None:
        self.proven = proven
        self.during_call: Callable[[], None] | None = None
        self.answers_as: Manifest | None = None
        self.calls = 0
        self._packages: dict[tuple[str, int], Manifest] = {}
        for package in packages:
            self.load(package)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet

            def do_GET(self) -> None:
                outer._answer(self, b"")

            def do_POST(self) -> None:
                outer._answer(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def load(self, package: Manifest) -> None:
        """Serve a package, in the place of the one that its version had."""
        self._packages[package.model, package.version] = package

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        parts = handler.path.strip("/").split("/")
        headers, status = {}, 200
        if handler.path == "/v2/repository/index":
            content = orjson.dumps([{"name": name, "version": str(number), "state": "READY"} for name, number in self._packages])
        elif parts[-1] == "config":
            content = json_format.MessageToJson(self._config(parts[2]), preserving_proto_field_name=True).encode()
        else:
            length = int(handler.headers["Inference-Header-Content-Length"])
            status, json_length, content = self._infer(
                self.answers_as or self._packages[parts[2], int(parts[4])], body[:length], body[length:]
            )
            headers["Inference-Header-Content-Length"] = str(json_length)
        handler.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    def _config(self, model: str) -> contract.ModelConfig:
        config = contract.updated(None, {number: package for (name, number), package in self._packages.items() if name == model})
        if not self.proven:
            for output in [output for output in config.output if output.name == DIGEST]:
                config.output.remove(output)
        return config

    def _infer(self, package: Manifest, head: bytes, tensors: bytes) -> tuple[int, int, bytes]:
        self.calls += 1
        request = json.loads(head)
        asked = [output["name"] for output in request["outputs"]]
        if DIGEST in asked and not self.proven:
            return 400, 0, orjson.dumps({"error": f"unexpected inference output '{DIGEST}' for model '{package.model}'"})
        texts = [text.decode() for text in unpacked(tensors[: request["inputs"][0]["parameters"]["binary_data_size"]])]
        rows = [pack_row(package, scores(package, text), 1) for text in texts]
        contents = {
            package.tensors.output: b"".join(row[:-4] for row in rows),
            "TOKENS": b"".join(row[-4:] for row in rows),
            "ERROR": packed([b""] * len(texts)),
            DIGEST: bytes.fromhex(package.digest.removeprefix("sha256:")) * len(texts),
        }
        outputs = [{"name": name, "parameters": {"binary_data_size": len(contents[name])}} for name in asked]
        answer = orjson.dumps({"outputs": outputs})
        if self.during_call is not None:
            called, self.during_call = self.during_call, None
            called()
        return 200, len(answer), answer + b"".join(contents[name] for name in asked)
