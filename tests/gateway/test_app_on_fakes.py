"""The whole application on a fake Triton: the placement of requests, and what taps see of them."""

import json
from collections import Counter
from contextlib import asynccontextmanager

import httpx
import pytest
import yaml

from gateway.app import create_app
from gateway.experiments.assignment import Experiment, Variant, assign
from gateway.fakes.manifests import make_manifest
from gateway.fakes.triton import FakeTriton
from gateway.settings.settings import Settings

V1, V2 = make_manifest("topics", 1), make_manifest("topics", 2)
ARMS = [{"name": "control", "version": 1, "weight": 0.5}, {"name": "treatment", "version": 2, "weight": 0.5}]
SPLIT = Experiment(
    "topics-lora", "topics", "topics-lora", 1.0, tuple(Variant(arm["name"], "topics", arm["version"], arm["weight"]) for arm in ARMS)
)
UNITS = [f"user-{number}" for number in range(40)]


@pytest.fixture
def triton():
    return FakeTriton(V1, V2)


@pytest.fixture
def experiments(tmp_path):
    path = tmp_path / "experiments.yaml"
    path.write_text(yaml.safe_dump({"experiments": [{"key": "topics-lora", "model": "topics", "variants": ARMS}]}))
    return path


@asynccontextmanager
async def running(triton, **settings):
    """A client of the application, and its stack."""
    gateway = create_app(Settings(auth=frozenset(), **settings), triton=triton)
    async with gateway.api.router.lifespan_context(gateway.api):
        transport = httpx.ASGITransport(gateway)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            yield client, gateway.api.state.stack


async def predict(client, text="corn", headers=None):
    answer = await client.post("/v1/models/topics:predict", json={"instances": [text]}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


async def test_a_unit_whose_variant_is_not_ready_keeps_its_arm_and_is_answered_by_the_control(triton, experiments):
    triton.unload("topics", 2)
    async with running(triton, experiments_file=experiments) as (client, _):
        for unit in UNITS:
            answer = await predict(client, headers={"X-Unit-ID": unit})
            seen = [answer.headers[name] for name in ("x-experiment", "x-variant", "x-model-version")]
            assert seen == ["topics-lora", assign(SPLIT, unit).name, "1"]


async def test_a_constant_request_id_does_not_keep_a_client_in_one_arm(triton, experiments):
    async with running(triton, experiments_file=experiments) as (client, _):
        answers = [await predict(client, headers={"X-Request-ID": "always-the-same"}) for _ in range(60)]
    assert {answer.headers["x-request-id"] for answer in answers} == {"always-the-same"}
    arms = Counter(answer.headers["x-variant"] for answer in answers)
    assert min(arms["control"], arms["treatment"]) > 10


def of_several(tmp_path, *experiments):
    path = tmp_path / "several.yaml"
    path.write_text(yaml.safe_dump({"experiments": [{"model": "topics", "variants": ARMS} | one for one in experiments]}))
    return path


async def test_experiments_of_one_namespace_share_the_units_of_a_model(triton, tmp_path):
    several = of_several(tmp_path, {"key": "a", "namespace": ["n", 0, 0.5]}, {"key": "b", "namespace": ["n", 0.5, 1]})
    async with running(triton, experiments_file=several) as (client, _):
        seen = Counter([(await predict(client, headers={"X-Unit-ID": unit})).headers["x-experiment"] for unit in UNITS])
        shown = (await client.get("/v1/models/topics")).json()
    assert seen.keys() == {"a", "b"}
    assert [one["key"] for one in shown["experiments"]] == ["a", "b"]
    assert shown["experiment"] == shown["experiments"][0]


async def test_layered_experiments_are_named_together_where_a_unit_counts_in_both(triton, tmp_path):
    async with running(triton, experiments_file=of_several(tmp_path, {"key": "a"}, {"key": "b"})) as (client, _):
        answers = [await predict(client, headers={"X-Unit-ID": unit}) for unit in UNITS]
    seen = {(answer.headers["x-experiment"], answer.headers["x-variant"], answer.headers["x-model-version"]) for answer in answers}
    assert seen == {("a, b", "control, control", "1"), ("a", "treatment", "2"), ("b", "treatment", "2")}


async def test_attributes_of_the_unit_decide_who_takes_part(triton, tmp_path):
    german = {"key": "german", "condition": {"country": {"$in": ["de", "österreich"]}}, "unit_attribute": "company"}
    async with running(triton, experiments_file=of_several(tmp_path, german)) as (client, _):

        async def variants(**attributes):
            header = {"X-Unit-Attributes": json.dumps(attributes, ensure_ascii=False).encode()}
            return {(await predict(client, headers=header | {"X-Unit-ID": unit})).headers.get("x-variant") for unit in UNITS[:10]}

        assert len(await variants(country="de", company="acme")) == 1
        assert await variants(country="österreich", company="acme") == await variants(country="de", company="acme")
        assert await variants(country="fr", company="acme") == {None}
        assert await variants(country="de") == {None}


async def test_a_version_that_a_client_made_up_does_not_become_a_label(triton):
    async with running(triton) as (client, _):
        answer = await client.post("/v1/models/topics:predict", json={"instances": ["corn"], "version": 314159})
        assert answer.status_code == 404
        assert "x-model-version" not in answer.headers
        assert "314159" not in (await client.get("/metrics")).text


class Kept:
    def __init__(self):
        self.answered = []

    def take(self, answered):
        self.answered.append(answered)


async def test_a_tap_sees_each_prediction_with_its_placement_even_from_the_cache(triton, experiments):
    async with running(triton, experiments_file=experiments) as (client, stack):
        kept = Kept()
        stack.taps = [kept]
        for text in ("corn", "corn", "wheat"):
            await predict(client, text, headers={"X-Unit-ID": "bob"})
    variant = assign(SPLIT, "bob")
    assert [answered.items[0].text for answered in kept.answered] == [b"corn", b"corn", b"wheat"]
    assert {(answered.placement.variant, answered.placement.arms[0].identified) for answered in kept.answered} == {(variant.name, True)}
    assert {answered.prediction.manifest.version for answered in kept.answered} == {variant.version}
    assert kept.answered[0].prediction.rows == kept.answered[1].prediction.rows


async def test_a_tap_sees_the_parts_of_a_stream_with_the_placement_of_the_stream(triton, experiments):
    async with running(triton, experiments_file=experiments) as (client, stack):
        kept = Kept()
        stack.taps = [kept]
        answer = await client.post("/v1/models/topics:predictStream", content='"corn"\n"wheat"\n', headers={"X-Unit-ID": "bob"})
        assert len(answer.text.splitlines()) == 2
    assert sorted(answered.items[0].text for answered in kept.answered) == [b"corn", b"wheat"]
    assert len({answered.placement for answered in kept.answered}) == 1
    assert kept.answered[0].placement.variant == assign(SPLIT, "bob").name


async def test_an_experiment_between_models_is_answered_by_the_variants_model(tmp_path):
    large = make_manifest("topics-large", 7)
    variants = [ARMS[0], {"name": "large", "model": "topics-large", "version": 7, "weight": 0.5}]
    path = tmp_path / "experiments.yaml"
    path.write_text(yaml.safe_dump({"experiments": [{"key": "larger", "model": "topics", "variants": variants}]}))
    triton = FakeTriton(V1, V2, large)
    async with running(triton, experiments_file=path) as (client, _):
        seen = {(await predict(client, headers={"X-Unit-ID": unit})).headers["x-variant"]: unit for unit in UNITS}
        calls = {(call.manifest.model, call.manifest.version) for call in triton.calls}
        details = (await client.get("/v1/models/topics")).json()["experiment"]["variants"]
        metrics = (await client.get("/metrics")).text
    assert seen.keys() == {"control", "large"}
    assert calls == {("topics", 1), ("topics-large", 7)}
    assert [(arm["model"], arm["version"]) for arm in details] == [("topics", 1), ("topics-large", 7)]
    assert (
        'headrace_requests_total{cache="miss",experiment="larger",model="topics-large",status="200",variant="large",version="7"}' in metrics
    )


class Broken:
    def take(self, answered):
        raise RuntimeError("broken")


async def test_a_tap_that_raises_changes_neither_the_answer_nor_the_other_taps(triton):
    async with running(triton) as (client, stack):
        kept = Kept()
        stack.taps = [Broken(), kept]
        await predict(client)
        stream = await client.post("/v1/models/topics:predictStream", content='"wheat"\n')
    assert "error" not in stream.text
    assert [answered.items[0].text for answered in kept.answered] == [b"corn", b"wheat"]
