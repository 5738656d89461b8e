"""The gateway's predictions are those of the fine-tuned model."""

import asyncio
import math
import uuid
from pathlib import Path

import growthbook.core as oracle
import httpx
import pytest
import torch
from peft import PeftModel
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[3]
INT8_TOLERANCE, INT8_MEAN_TOLERANCE = 0.12, 0.01
"""The largest difference of a score and the largest mean difference.

Dynamic int8 scales activations by the whole batch, so the scores of one borderline text may differ
by more than the first, those of the other texts may not.
"""


def reference(version, texts):
    """Probabilities of the PyTorch model with its adapter, one text at a time: [texts, labels]."""
    from export.demo.train import base_folder

    adapter = ROOT / f"export/demo/adapters/v{version}"
    config = AutoConfig.from_pretrained(adapter)
    base = AutoModelForSequenceClassification.from_pretrained(base_folder(), config=config)
    model = PeftModel.from_pretrained(base, adapter).eval()
    tokenizer = AutoTokenizer.from_pretrained(base_folder())
    with torch.inference_mode():
        rows = [model(**tokenizer(text, truncation=True, max_length=256, return_tensors="pt")).logits[0].softmax(-1) for text in texts]
    return [{config.id2label[i]: float(p) for i, p in enumerate(row)} for row in rows]


def scores(predictions):
    return [{entry["label"]: entry["score"] for entry in prediction} for prediction in predictions]


def assert_near(some, others):
    by_text = sorted(max(abs(one[label] - other[label]) for label in one) for one, other in zip(some, others, strict=True))
    differences = [abs(one[label] - other[label]) for one, other in zip(some, others, strict=True) for label in one]
    assert by_text[-2] < INT8_TOLERANCE
    assert sum(differences) / len(differences) < INT8_MEAN_TOLERANCE


@pytest.mark.parametrize("version", [1, 2])
def test_answers_agree_with_pytorch(gateway, documents, version):
    texts = documents[:32]
    answer = gateway.predict(*texts, version=version, parameters={"top_k": 8}, headers={"Cache-Control": "no-cache"})
    served, expected = scores(answer.json()["predictions"]), reference(version, texts)
    assert answer.headers["x-model-version"] == str(version)
    assert_near(served, expected)
    same = sum(max(one, key=one.get) == max(other, key=other.get) for one, other in zip(served, expected, strict=True))
    assert same >= 31


def test_batched_single_and_cached_answers_agree(gateway, documents):
    texts = documents[:16]
    options = {"version": 2, "parameters": {"top_k": 8}}
    single = [gateway.predict(text, headers={"Cache-Control": "no-store"}, **options).json()["predictions"][0] for text in texts]
    batched = gateway.predict(*texts, headers={"Cache-Control": "no-cache"}, **options)
    assert_near(scores(single), scores(batched.json()["predictions"]))

    def all_cached():
        again = gateway.predict(*texts, **options)
        return again if again.headers["x-cache"] == "hit" else None

    cached = next(filter(None, (all_cached() for _ in range(100))))
    assert cached.json() == batched.json()


def test_a_text_that_was_cut_is_named_even_if_its_row_comes_from_the_cache(gateway):
    long = "grain shipments rose " * 200

    def answered(status):
        answer = gateway.predict("grain", long)
        return answer.json() if answer.headers["x-cache"] == status else None

    cut = [{"instance": 1, "tokens": 602}]
    assert answered("miss")["truncated"] == cut
    assert next(filter(None, (answered("hit") for _ in range(100))))["truncated"] == cut


def test_probabilities_add_up_to_one(gateway):
    [prediction] = gateway.predict("grain shipments rose", parameters={"top_k": 8}).json()["predictions"]
    assert math.isclose(sum(entry["score"] for entry in prediction), 1, abs_tol=1e-4)
    assert sorted((entry["score"] for entry in prediction), reverse=True) == [entry["score"] for entry in prediction]


def test_a_unit_keeps_the_variant_that_growthbook_assigns(gateway):
    ranges = oracle.getBucketRanges(2, 1.0, [0.5, 0.5])
    for unit in (f"user-{i}" for i in range(20)):
        index = oracle.chooseVariation(oracle.gbhash("topics-lora", unit, 2), ranges)
        seen = {
            (answer.headers["x-variant"], answer.headers["x-model-version"], answer.headers["x-experiment"])
            for answer in (gateway.predict("corn", headers={"X-Unit-ID": unit}) for _ in range(2))
        }
        assert seen == {(("control", "treatment")[index], str(index + 1), "topics-lora")}


def test_without_a_unit_each_request_is_a_unit_of_its_own(gateway):
    assert {gateway.predict("corn").headers["x-variant"] for _ in range(30)} == {"control", "treatment"}


def test_an_explicit_version_overrides_the_experiment(gateway):
    for version in (1, 2):
        answer = gateway.predict("corn", version=version)
        assert answer.headers["x-model-version"] == str(version)
        assert "x-variant" not in answer.headers
        assert "x-experiment" not in answer.headers


def test_the_cache_status_says_how_many_items_were_hits(gateway):
    one, two = uuid.uuid4().hex, uuid.uuid4().hex

    def status(*texts, **headers):
        return gateway.predict(*texts, version=2, headers=headers).headers["x-cache"]

    assert status(one, **{"Cache-Control": "no-store"}) == "bypass"
    assert status(one) == "miss"
    eventually = [status(one) for _ in range(20)]
    assert eventually[-1] == "hit"
    assert status(one, two) == "partial"
    assert status(one, **{"Cache-Control": "no-cache"}) == "bypass"
    hit = gateway.predict(one, version=2)
    assert int(hit.headers["age"]) >= 0
    assert gateway.predict(one, version=1).headers["x-cache"] == "miss", "versions share no entry"


async def test_concurrent_equal_misses_are_computed_once(gateway):
    text = uuid.uuid4().hex
    async with httpx.AsyncClient(timeout=30) as client:
        body = {"instances": [text, text], "version": 2}
        answers = await asyncio.gather(*(client.post(gateway.predict_url, json=body) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert gateway.metric("headrace_items_total", result="miss", version="2") == 1
    assert gateway.metric("headrace_items_total", version="2") == 40


def test_a_model_shows_its_versions_quality_and_experiment(gateway):
    assert httpx.get(f"{gateway.url}/v1/models").json()["models"] == ["topics"]
    model = httpx.get(f"{gateway.url}/v1/models/topics").json()
    assert (model["name"], model["ready"], model["default_version"]) == ("topics", True, 2)
    assert [version["version"] for version in model["versions"]] == [1, 2]
    assert [version["quality"]["examples"] for version in model["versions"]] == [128, 128]
    assert [version["precision"] for version in model["versions"]] == ["fp32", "int8-dynamic"]
    assert [variant["name"] for variant in model["experiment"]["variants"]] == ["control", "treatment"]
