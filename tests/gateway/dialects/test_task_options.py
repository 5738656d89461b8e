"""What changes an answer goes to the backend and into the cache's key; what changes nothing does
not."""

import json
import struct

import pytest

from gateway.dialects import kserve_v1
from gateway.errors import InvalidRequest
from gateway.request.prediction import Item
from gateway.tasks import feature_extraction, task_of, text_classification, text_ranking


def items(body, version):
    return kserve_v1.items(kserve_v1.parse(json.dumps(body).encode()), version.task, task_of(version), max_text_bytes=100)


EMBEDDER = {"task": "feature-extraction", "labels": (), "postprocessing": {"dimension": 2, "pooling": "mean", "normalize": True}}


def test_options_of_embeddings_are_those_that_change_the_version_s_own(manifest):
    version = manifest(**EMBEDDER)
    assert feature_extraction.options_of(version) == feature_extraction.options_of(version, normalize=True) == b""
    assert feature_extraction.options_of(version, normalize=False, prompt_name="query") == b'{"normalize":false,"prompt_name":"query"}'
    assert feature_extraction.options_of(version, prompt_name="") == b'{"prompt_name":""}'


@pytest.mark.parametrize(("own", "raw", "same"), [("sigmoid", "none", "sigmoid"), ("identity", "sigmoid", "none")])
def test_options_of_scores_are_those_that_change_the_version_s_own(manifest, own, raw, same):
    versions = (manifest(postprocessing={"function": own}), manifest(task="text-ranking", labels=(), postprocessing={"function": own}))
    for task, version in zip((text_classification, text_ranking), versions, strict=True):
        assert task.options_of(version, None) == task.options_of(version, same) == b""
        assert task.options_of(version, raw) == b'{"function_to_apply":"%s"}' % raw.encode()


def test_parameters_of_a_prediction_reach_the_backend(manifest):
    classifier = manifest()
    sent = {"instances": ["a"], "parameters": {"normalize": False, "input_type": "query"}}
    assert items(sent, manifest(**EMBEDDER)) == [[Item(b"a", None, b'{"input_type":"query","normalize":false}')]]
    sent = {"instances": ["a"], "parameters": {"top_k": 2, "function_to_apply": "none"}}
    assert items(sent, classifier) == [[Item(b"a", None, b'{"function_to_apply":"none"}')]]
    assert items({"instances": ["a"], "parameters": {"top_k": 2}}, classifier) == [[Item(b"a")]]
    with pytest.raises(InvalidRequest, match=r"parameters\.function_to_apply"):
        items({"instances": ["a"], "parameters": {"function_to_apply": "tanh"}}, classifier)


def test_raw_scores_are_not_held_to_thresholds(manifest):
    version = manifest(labels=("a", "b"), postprocessing={"function": "sigmoid", "thresholds": (0.5, 0.5)})
    rows = [struct.pack("<2fi", -3.0, -1.0, 3)]
    task = task_of(version)
    assert task.prediction(version, rows, {}) == []
    assert [entry["label"] for entry in task.prediction(version, rows, {"function_to_apply": "none"})] == ["b", "a"]
