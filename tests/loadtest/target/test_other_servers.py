"""Servers that are not Headrace: what they are asked, and which of their answers are none.

The servers are written from their protocols, not from what the generator sends.
"""

import argparse
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from other_servers import OtherServer, kserve, openai, running, tei, triton

from gateway.app import create_app
from gateway.fakes.manifests import make_manifest
from gateway.fakes.triton import FakeTriton
from gateway.settings.settings import Settings
from loadtest.generator.connections import Response
from loadtest.generator.judge import judge
from loadtest.generator.measure import prepare
from loadtest.generator.wire import Renderer
from loadtest.results.outcome import Outcome
from loadtest.scenario.loop import ClosedLoop
from loadtest.scenario.scenario import Scenario, ScenarioError
from loadtest.target.client import Client
from loadtest.target.detection import detect
from loadtest.target.readiness import TargetError, versions_to_measure
from loadtest.verbs import run
from loadtest.verbs.scenario_flags import scenario_from
from loadtest.workload.dialects import BY_NAME
from loadtest.workload.draws import Draw, Item
from loadtest.workload.server import HEADRACE, OTHER
from loadtest.workload.workload import BatchSize, Target, Workload

CORPUS = ("wheat shipments rose", 'the "opec" cut output\n')
TWO = (BatchSize(2),)
TRITON = Target("topics", 3, input="text", output="scores")
KSERVE = Target("topics", input="input-0", input_shape="n")
SERVERS: dict[str, tuple[Callable[[], OtherServer], str, Target, str]] = {
    "TEI embeds": (tei, "tei-embed", Target(), "/embed"),
    "TEI predicts": (tei, "tei-predict", Target("a name for the report"), "/predict"),
    "TEI ranks": (tei, "tei-rerank", Target(), "/rerank"),
    "OpenAI": (openai, "openai", Target("bge"), "/v1/embeddings"),
    "Triton": (triton, "open-inference", TRITON, "/v2/models/topics/versions/3/infer"),
    "KServe V1": (kserve, "kserve-v1", Target("topics"), "/v1/models/topics:predict"),
    "KServe V2": (kserve, "open-inference", KSERVE, "/v2/models/topics/infer"),
}


def scenario(url: str, dialect: str, target: Target, **changes: Any) -> Scenario:
    workload = Workload(corpus=Path("texts.txt"), targets=(target,), dialect=dialect, batch_sizes=TWO, repeat=0.5)
    return Scenario(url=url, loop=ClosedLoop(1), workload=workload, duration_s=1, salt="s", **changes)


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_is_seen_not_to_be_headrace_and_answers_what_it_is_sent(name: str) -> None:
    make, dialect, target, path = SERVERS[name]
    with running(make()) as server:
        prepared = prepare(scenario(server.url, dialect, target), CORPUS)
        assert prepared.server == OTHER
        # the 64 texts of the pool, two at a time
        assert [asked for asked, _ in server.asked] == [path] * 32
        request = Renderer(prepared, CORPUS).render(Draw(0, (Item(0, "u1"), Item(1, "u2")), 0, "unit-1"))
        head, _, body = request.payload.partition(b"\r\n\r\n")
        assert head.startswith(f"POST {path} HTTP/1.1\r\n".encode())
        answer = json.dumps(server.posts[path](json.loads(body))).encode()
    good = Response(200, {"X-Cache": "HIT", "X-Model-Version": "9", "X-Variant": "b"}, answer)
    # what a proxy says of its own cache is not what Headrace says of its
    assert judge(BY_NAME[dialect], request, good, is_headrace=False) == Outcome(200, target.model)


WRONG: dict[str, list[tuple[Callable[[Any], Any], str]]] = {
    "TEI embeds": [
        (lambda rows: rows[:1], "one prediction for each text"),
        (lambda _: {"embeddings": []}, "one prediction for each text"),
        (lambda rows: [rows[0], []], "no list of numbers"),
        (lambda rows: [rows[0], [0.25, None, 1]], "no list of numbers"),  # how NaN is written
        (lambda rows: [["a"], rows[0]], "no list of numbers"),
        (lambda rows: [rows[0], [0.25, 1, "a"]], "no list of numbers"),
        (lambda rows: [rows[0], rows[0][:2]], "differ in length"),
    ],
    "TEI predicts": [
        (lambda rows: rows[0], "no list of a label and a score"),
        (lambda rows: [*rows, rows[0]], "one prediction for each text"),
        (lambda rows: [rows[0], []], "no list of a label and a score"),
        (lambda rows: [rows[0], [{"label": "earn", "score": None}]], "no list of a label and a score"),
    ],
    "TEI ranks": [
        (lambda ranks: ranks[:1], "one prediction for each text"),
        (lambda ranks: [ranks[0]] * 2, "indexes"),
        (lambda ranks: [{"index": 0, "score": None}, ranks[0]], "no index and score"),
        (lambda ranks: [{"relevance_score": 1}, ranks[0]], "no index and score"),
    ],
    "OpenAI": [
        (lambda body: body["data"], "one prediction for each text"),
        (lambda body: {**body, "data": body["data"][:1]}, "one prediction for each text"),
        (lambda body: {**body, "data": [body["data"][0]] * 2}, "indexes"),
        (lambda body: {**body, "data": [{"index": 0, "embedding": "AAAA"}] * 2}, "no list of numbers"),
        (lambda body: {**body, "data": ["a", "b"]}, "no list of numbers"),
    ],
    "Triton": [
        (lambda _: {"outputs": []}, "no outputs"),
        (lambda body: {"outputs": body["outputs"][:1]}, "no output 'scores'; it has model_info"),
        (lambda body: {"outputs": [{**body["outputs"][1], "shape": [1, 4]}]}, "one prediction for each text"),
        (lambda body: {"outputs": [{**body["outputs"][1], "data": [0.9]}]}, "as many values as its shape says"),
    ],
    "KServe V1": [
        (lambda _: {"predictions": [1]}, "one prediction for each text"),
        (lambda _: {"predictions": [1, None]}, "null"),
        (lambda _: {"outputs": [1, 1]}, "one prediction for each text"),
    ],
    "KServe V2": [
        (lambda _: {"predictions": [1, 1]}, "no outputs"),
        (lambda body: {"outputs": [{**body["outputs"][0], "shape": []}]}, "one prediction for each text"),
    ],
}


@pytest.mark.parametrize(("name", "at"), [(name, at) for name, wrongs in WRONG.items() for at in range(len(wrongs))])
def test_a_200_with_a_wrong_body_is_a_failure_with_its_reason(name: str, at: int) -> None:
    make, dialect, target, path = SERVERS[name]
    spoil, reason = WRONG[name][at]
    asked = scenario("http://h", dialect, target, server=OTHER)
    request = Renderer(asked, CORPUS).render(Draw(0, (Item(0, "u1"), Item(1, "u2")), 0, "unit-1"))
    body = json.loads(request.payload.partition(b"\r\n\r\n")[2])
    content = json.dumps(spoil(make().posts[path](body))).encode()
    outcome = judge(BY_NAME[dialect], request, Response(200, {}, content), is_headrace=False)
    assert reason in outcome.fault


def test_nested_data_of_a_tensor_are_counted_as_flat_ones_are() -> None:
    content = b'{"outputs": [{"name": "o", "shape": [2, 2], "data": [[1, 2], [3, 4]]}]}'
    request = Renderer(scenario("http://h", "open-inference", Target("m")), CORPUS).render(Draw(0, (Item(0, "u1"), Item(1, "u2")), 0, "u"))
    assert judge(BY_NAME["open-inference"], request, Response(200, {}, content)).fault == ""


@pytest.mark.parametrize(
    ("server", "dialect", "target", "said"),
    [
        (tei(), "kserve-v1", Target("topics"), "does not answer kserve-v1 at /v1/models/topics:predict: status 404."),
        (openai(), "tei-embed", Target(), "does not answer tei-embed at /embed: status 404, Not Found."),
        (kserve(), "open-inference", Target("nope"), "at /v2/models/nope/infer: status 404, no such path."),
        (tei(spoil=lambda _: {"a": 1}), "tei-embed", Target(), "at /embed: the answer does not hold one prediction for each text."),
        (
            kserve(),
            "kserve-v1",
            Target("topics", 2),
            "asks no other server for a version: leave 2 out, or ask in --dialect open-inference.",
        ),
    ],
)
def test_a_server_that_cannot_be_asked_so_is_told_before_the_load(server: OtherServer, dialect: str, target: Target, said: str) -> None:
    with running(server), pytest.raises(TargetError) as raised:
        prepare(scenario(server.url, dialect, target), CORPUS)
    assert str(raised.value).startswith(f"The server at {server.url} is not Headrace")
    assert str(raised.value).endswith(said)


class Told(Client):
    """A server by its answers to GET: a status and a body by path, 404 for the others."""

    def __init__(self, **answers: tuple[int, Any]) -> None:
        super().__init__("http://h")
        self._answers = answers

    def _exchange(self, method: str, path: str, body: bytes | None, headers: Any) -> tuple[int, dict[str, str], bytes]:
        status, answer = self._answers.get(path.strip("/").replace("/", "_"), (404, None))
        return status, {}, json.dumps(answer).encode()


def test_headrace_is_known_by_its_versions_or_by_its_name() -> None:
    versions = (200, {"name": "m", "ready": True, "versions": [{"version": 1, "ready": True}]})
    name = (200, {"name": "headrace", "version": "1"})
    assert detect(Told(v1_models_m=versions), "http://h", "m") == HEADRACE
    assert detect(Told(v2=name), "http://h", "m") == HEADRACE
    assert detect(Told(v2=name), "http://h", "") == HEADRACE
    assert detect(Told(v2=(200, {"name": "triton"})), "http://h", "m") == OTHER
    assert detect(Told(v1_models_m=(200, {"name": "m", "ready": True})), "http://h", "m") == OTHER


async def told_by(application: Any, *paths: str) -> Told:
    answers = {}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://h") as client:
        for path in paths:
            answer = await client.get(path)
            answers[path.strip("/").replace("/", "_")] = (answer.status_code, answer.json())
    return Told(**answers)


@pytest.mark.parametrize("auth", [frozenset(), frozenset({"api-key"})])
async def test_a_real_gateway_is_seen_to_be_headrace_or_asks_for_a_key(auth: frozenset[Any]) -> None:
    application = create_app(Settings(auth=auth), triton=FakeTriton(make_manifest("words")))
    async with application.api.router.lifespan_context(application.api):
        told = await told_by(application, "/v1/models/words", "/v1/models/nope", "/v2")
    if auth:
        with pytest.raises(TargetError, match="asks for a key: pass --header"):
            detect(told, "http://h", "words")
        return
    assert detect(told, "http://h", "words") == detect(told, "http://h", "nope") == HEADRACE
    assert versions_to_measure(told, "http://h", Target("words")) == [1]
    with pytest.raises(TargetError, match=r"does not serve 'nope': no such model; there are: words; http://h/v1/models lists"):
        versions_to_measure(told, "http://h", Target("nope"))
    with pytest.raises(TargetError, match="serves models by their names: pass --model"):
        versions_to_measure(told, "http://h", Target())


@pytest.mark.parametrize("status", [401, 429, 500, 503])
@pytest.mark.parametrize("path", ["v1_models_m", "v2"])
def test_a_server_that_is_busy_or_wants_a_key_is_not_taken_for_another(path: str, status: int) -> None:
    with pytest.raises(TargetError, match="--header" if status == 401 else "pass --server headrace or --server other"):
        detect(Told(**{path: (status, {"error": "no"})}), "http://h", "m")


def test_each_command_of_the_docs_asks_at_a_path_of_its_server() -> None:
    section = Path("loadtest/docs/load.md").read_text().partition("## Other servers")[2].partition("\n## ")[0]
    commands = [shlex.split(line)[3:] for line in section.splitlines() if line.startswith(".venv/bin/python -m loadtest run ")]
    parser = argparse.ArgumentParser()
    run.add_parser(parser.add_subparsers())
    asked = set()
    for command in commands:
        given = scenario_from(parser.parse_args(command))
        assert given.url.startswith(("http://tei:", "http://vllm:", "http://triton:", "http://kserve:"))
        (target,) = given.workload.targets
        asked.add((given.workload.dialect, BY_NAME[given.workload.dialect].path(target, OTHER), target.input_shape))
    assert asked == {
        ("tei-embed", "/embed", "n,1"),
        ("tei-predict", "/predict", "n,1"),
        ("tei-rerank", "/rerank", "n,1"),
        ("openai", "/v1/embeddings", "n,1"),
        ("open-inference", "/v2/models/topics/infer", "n,1"),
        ("open-inference", "/v2/models/topics/infer", "n"),
        ("kserve-v1", "/v1/models/topics:predict", "n,1"),
    }


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--dialect", "openai"], "--model"),
        (["--model", "m", "--server", "triton"], "server must be one of detect, headrace, other"),
        (["--model", "m", "--input-tensor", "TEXT:1,n"], "input_shape must be one of n,1 and n"),
        (["--model", "m", "--input-tensor", ":n"], "input must be the name of a tensor"),
        (["--dialect", "open-inference", "--input-tensor", "a"], "needed, as a flag or in --scenario: --model"),
        (["--model", "m", "--output-tensor", "a"], "only open-inference has tensors"),
        (["--dialect", "tei-embed", "--version", "2"], "--version is of a --model"),
        (["--model", "", "--dialect", "openai"], "with a model each: only TEI's dialects do without"),
    ],
)
def test_flags_that_do_not_fit_are_named(flags: list[str], said: str) -> None:
    parser = argparse.ArgumentParser()
    run.add_parser(parser.add_subparsers())
    needed = ["run", "--url", "http://h", "--corpus", "c", "--users", "1", "--duration", "1", "--report", "r"]
    with pytest.raises(ScenarioError, match=said):
        scenario_from(parser.parse_args([*needed, *flags]))


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ("text", {"input": "text"}),
        ("input-0:n", {"input": "input-0", "input_shape": "n"}),
        ("input:0", {"input": "input:0"}),
        ("input:0:n,1", {"input": "input:0", "input_shape": "n,1"}),
    ],
)
def test_a_tensor_is_given_by_its_name_and_its_shape(given: str, fields: dict[str, str]) -> None:
    parser = argparse.ArgumentParser()
    run.add_parser(parser.add_subparsers())
    needed = ["run", "--url", "http://h", "--corpus", "c", "--users", "1", "--duration", "1", "--report", "r"]
    asked = scenario_from(parser.parse_args([*needed, "--model", "m", "--dialect", "open-inference", "--input-tensor", given]))
    assert asked.workload.targets == (Target("m", **fields),)


def test_the_host_of_an_ingress_is_sent_in_place_of_the_own_of_the_address() -> None:
    asked = scenario("http://10.0.0.1:80", "kserve-v1", Target("topics"), headers={"host": "topics.example.com"})
    head = Renderer(asked, CORPUS).render(Draw(0, (Item(0, "u1"),), 0, "unit-1")).payload.partition(b"\r\n\r\n")[0].lower()
    assert head.count(b"host:") == 1
    assert b"host: topics.example.com" in head
