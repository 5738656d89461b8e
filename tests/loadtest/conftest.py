"""A small HTTP server that speaks the gateway's predict contract, with a known latency."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from gateway_process import wait_until

LABELS = ("earn", "acq")
PATIENCE_S = 30.0


@dataclass
class ScriptedGateway:
    """What the server does, which is set before a run, and what it saw."""

    url: str = ""
    latency_s: float = 0.0
    slow_every: int = 0
    slow_latency_s: float = 0.0
    fail_every: int = 0
    fault: str = "too many requests are waiting"
    caches: bool = True
    key: str = ""
    versions: tuple[int, ...] = (1, 2)
    on_request: Callable[[int], object] = lambda _: None
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    bodies: list[dict[str, object]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    cached: set[tuple[int, str]] = field(default_factory=set)
    outcomes: dict[str, dict[str, object]] = field(default_factory=dict)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/v1/models/{model}")
        async def model(model: str, request: Request) -> Response:
            if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
                return JSONResponse({"error": "a key is needed"}, 401)
            if model != "topics":
                return JSONResponse({"error": f"there is no model named {model!r}"}, 404)
            return JSONResponse({"name": model, "ready": True, "versions": [{"version": v, "ready": True} for v in self.versions]})

        @app.get("/v2")
        async def server() -> Response:
            return JSONResponse({"name": "headrace", "version": "0.1.0", "extensions": []})

        @app.post("/v1/outcomes")
        async def outcomes(request: Request) -> Response:
            new = {one["key"]: one for one in (await request.json())["outcomes"] if one["key"] not in self.outcomes}
            self.outcomes |= new
            return JSONResponse({"stored": len(new), "known": 0})

        @app.get("/v1/experiments/topics-lora/results")
        async def results() -> Response:
            return JSONResponse({"sentence": f"{len(self.outcomes):,} units"})

        @app.get("/experiments/topics-lora")
        async def experiment() -> Response:
            return Response("<title>topics-lora</title>", media_type="text/html")

        @app.post("/v1/models/topics:predict")
        async def predict(request: Request) -> Response:
            raw = await request.body()
            body = json.loads(raw)
            self.requests.append((request.headers.get("x-unit-id", ""), raw))
            self.bodies.append(body)
            self.headers.append(dict(request.headers))
            turn = len(self.bodies)
            await asyncio.to_thread(self.on_request, turn)
            await asyncio.sleep(self.slow_latency_s if self.slow_every and turn % self.slow_every == 0 else self.latency_s)
            if self.fail_every and turn % self.fail_every == 0 and "version" not in body:
                return JSONResponse({"error": self.fault}, 429)
            version = body.get("version") or self.versions[sum(request.headers["x-unit-id"].encode()) % len(self.versions)]
            known = [(version, text) in self.cached for text in body["instances"]]
            if self.caches:
                self.cached.update((version, text) for text in body["instances"])
            cache = "hit" if all(known) else "partial" if any(known) else "miss"
            headers = {"X-Cache": cache, "X-Model-Version": str(version)}
            if "version" not in body:
                headers |= {"X-Experiment": "topics-lora", "X-Variant": f"variant-{version}"}
            return JSONResponse({"predictions": [{"label": LABELS[0], "score": 0.9} for _ in known]}, headers=headers)

        return app


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The address of an application, which runs in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def gateway() -> Iterator[ScriptedGateway]:
    scripted = ScriptedGateway()
    with served(scripted.app()) as scripted.url:
        yield scripted


@pytest.fixture
def serve() -> Callable[[FastAPI], AbstractContextManager[str]]:
    """`served`, for the applications of single tests."""
    return served


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.jsonl"
    path.write_text("".join(json.dumps({"text": f"wheat shipments rose in month {month}"}) + "\n" for month in range(50)))
    return path


@pytest.fixture
def wait_for_generator() -> Callable[[int], None]:
    """Waits until a process has started a load generator.

    That is seen long before the generator has imported Locust.
    """

    def wait(pid: int) -> None:
        parent = psutil.Process(pid)
        wait_until(lambda: any("loadtest.generator" in child.cmdline() for child in parent.children()), PATIENCE_S)

    return wait
