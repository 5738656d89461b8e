"""A capacity profile of a stack whose times are scripted.

What is measured is what the script says, and `plan` reads it.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from timed import timed

from loadtest.__main__ import main
from loadtest.observation.triton_statistics import Batches, difference, read_batches, read_configuration
from loadtest.target.client import Client

HIT_S, TEXT_S, OVERHEAD_S = 0.006, 0.06, 0.015
CPU_PER_HIT, CPU_PER_MISS = 0.001, 0.003
VALUE_BYTES = 60


def answered(texts: list[str], cache: str) -> Response:
    predictions = [{"label": "earn", "score": 0.9} for _ in texts]
    return JSONResponse({"predictions": predictions}, headers={"X-Cache": cache, "X-Model-Version": "1"})


@dataclass
class ScriptedStack:
    """A gateway and a Triton in one server.

    It has two instances and batches up to 2, and takes seconds in proportion to the texts.
    """

    url: str = ""
    cpu_s: float = 5.0
    tells_cpu: bool = True
    readings: int = 0
    answers_readings: int = 1000
    written: int = 0
    cached: set[str] = field(default_factory=set)
    executed: dict[int, int] = field(default_factory=dict)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/v1/models/topics")
        async def model() -> Response:
            return JSONResponse({"name": "topics", "ready": True, "versions": [{"version": 1, "ready": True}]})

        @app.post("/v1/models/topics:predict")
        async def predict(request: Request) -> Response:
            if self.readings > self.answers_readings:
                return JSONResponse({"error": "the model went away"}, 503)
            body = await request.json()
            texts = body["instances"]
            missed = [text for text in texts if text not in self.cached]
            self.cpu_s += CPU_PER_MISS if missed else CPU_PER_HIT
            self.cached.update(missed)
            self.written += VALUE_BYTES * len(missed)
            if "version" in body:  # what warms the cache is not measured
                return answered(texts, "miss")
            await asyncio.sleep(HIT_S + (OVERHEAD_S + TEXT_S * len(missed) if missed else 0))
            if missed:
                self.executed[len(missed)] = self.executed.get(len(missed), 0) + 1
            cache = "hit" if not missed else "partial" if len(missed) < len(texts) else "miss"
            return answered(texts, cache)

        @app.get("/metrics")
        async def metrics() -> Response:
            self.readings += 1
            cpu = f"process_cpu_seconds_total {self.cpu_s}\n" if self.tells_cpu else ""
            return PlainTextResponse(
                f"# TYPE process_cpu_seconds_total counter\n{cpu}headrace_workers 1.0\n"
                f'# TYPE headrace_cache_bytes_total counter\nheadrace_cache_bytes_total{{direction="written"}} {self.written}\n'
            )

        @app.get("/v2/models/topics/config")
        async def config() -> Response:
            return JSONResponse({"instance_group": [{"count": 2}], "max_batch_size": 2, "dynamic_batching": {}})

        @app.get("/v2/models/topics/stats")
        async def stats() -> Response:
            batches = [
                {
                    "batch_size": size,
                    "compute_input": {"count": count, "ns": 0},
                    "compute_infer": {"count": count, "ns": int(count * size * TEXT_S * 1e9)},
                    "compute_output": {"count": count, "ns": 0},
                }
                for size, count in self.executed.items()
            ]
            return JSONResponse({"model_stats": [{"name": "topics", "version": "1", "batch_stats": batches}]})

        return app


@pytest.fixture
def stack(serve: Callable[[FastAPI], AbstractContextManager[str]]) -> Iterator[ScriptedStack]:
    scripted = ScriptedStack()
    with serve(scripted.app()) as scripted.url:
        yield scripted


def arguments(stack: ScriptedStack, corpus: Path, output: Path, *more: str) -> list[str]:
    needed = ["--url", stack.url, "--model", "topics", "--corpus", str(corpus), "--seconds", "1.2", "--point-rates", "25"]
    return ["profile", *needed, "--shared-machine", "-o", str(output), *more]


@timed
@pytest.mark.integration
def test_the_scripted_times_are_measured_and_planned_with(
    stack: ScriptedStack, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "profile.json"
    assert main(arguments(stack, corpus, path, "--triton-url", stack.url)) == 0
    profile: dict[str, Any] = json.loads(path.read_text())
    triton, gateway = profile["triton"], profile["gateway"]
    assert triton["instances"] == 2
    assert triton["batch_seconds"] == {"1": pytest.approx(TEXT_S), "2": pytest.approx(2 * TEXT_S)}
    assert triton["service_s"]["mean"] == pytest.approx(TEXT_S)
    assert triton["service_s"]["quantiles"]["0.5"] == pytest.approx(TEXT_S, rel=0.2)
    assert HIT_S < gateway["hit_latency_s"]["mean"] < 4 * HIT_S
    assert gateway["cpu_s_per_hit"] == pytest.approx(CPU_PER_HIT)
    assert gateway["cpu_s_per_miss"] == pytest.approx(CPU_PER_MISS)
    assert gateway["miss_overhead_s"] == pytest.approx(OVERHEAD_S, abs=0.012)
    assert profile["cache"]["bytes_per_item"] > VALUE_BYTES
    (point,) = profile["points"]
    assert point["latency_ms"]["p50"] > 1e3 * HIT_S
    assert "--bytes-per-item gives your own" in capsys.readouterr().out
    assert main(["plan", "--rate", "100", "--slo", "p99<600ms", "--results", str(path)]) == 0
    assert "hold 100 requests/s within p99<600ms" in capsys.readouterr().out


@timed
@pytest.mark.integration
def test_what_cannot_be_measured_is_left_out_with_a_sentence_and_what_fails_is_the_problem(
    stack: ScriptedStack, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.tells_cpu = False
    # each run reads the counters before and after it: hits alone, hits and misses are whole, and
    # the point is refused
    stack.answers_readings = 6
    path = tmp_path / "profile.json"
    assert main(arguments(stack, corpus, path, "--instances", "2", "--bytes-per-item", "300")) == 1
    profile = json.loads(path.read_text())
    assert profile["problem"] == "Not one request was answered well while measuring 25 requests/s: the model went away."
    assert profile["points"] == []
    assert profile["triton"]["service_s"]["mean"] == pytest.approx(TEXT_S + OVERHEAD_S, rel=0.2)
    assert "batch_seconds" not in profile["triton"]
    assert "cpu_s_per_hit" not in profile["gateway"]
    assert profile["cache"] == {"bytes_per_item": 300}
    said = capsys.readouterr()
    assert said.err.endswith(f"{profile['problem']}\n")
    assert "Without --triton-url" in said.out
    assert "The gateway tells nothing of its CPU time" in said.out


@pytest.mark.integration
def test_a_profile_of_which_nothing_was_measured_replaces_an_older_one_and_is_refused_by_a_plan(
    stack: ScriptedStack, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.answers_readings = 0
    path = tmp_path / "profile.json"
    path.write_text('{"schema": "headrace-capacity-profile/1", "model": "older"}')
    assert main(arguments(stack, corpus, path, "--instances", "2")) == 1
    assert "the model went away" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["plan", "--rate", "10", "--slo", "p99<500ms", "--results", str(path)])
    assert ended.value.code == 2
    assert "broke off: Not one request was answered well while measuring hits alone" in " ".join(capsys.readouterr().err.split())


@pytest.mark.integration
def test_tritons_own_figures_are_read(stack: ScriptedStack) -> None:
    stack.executed = {1: 3, 2: 5}
    with Client(stack.url) as client:
        assert read_configuration(client, stack.url, "topics").instances == 2
        seen = read_batches(client, stack.url, "topics", None)
        assert read_batches(client, stack.url, "topics", 7) == {}
    assert seen == {1: Batches(3, pytest.approx(3 * TEXT_S)), 2: Batches(5, pytest.approx(10 * TEXT_S))}
    assert difference(seen, {1: Batches(3, 3 * TEXT_S)}) == {2: seen[2]}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "--triton-url, or --instances"),
        (("--instances", "0"), "--instances at least 1"),
        (("--instances", "1", "--rate", "5"), "--rate is not for a profile"),
        (("--instances", "1", "--seconds", "0"), "--seconds must be more than 0"),
        (("--instances", "1", "--model", "other"), "a profile is of one model"),
        (("--instances", "1", "--point-rates", "x"), "could not convert"),
    ],
)
def test_a_bad_argument_is_named(
    more: tuple[str, ...], said: str, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments(ScriptedStack("http://127.0.0.1:9"), corpus, tmp_path / "p.json", *more))
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
