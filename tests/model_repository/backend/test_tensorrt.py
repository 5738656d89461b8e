"""What the TensorRT provider is told; no TensorRT is needed to say it."""

from pathlib import Path

import pytest
from headrace_backend import tensorrt
from headrace_backend.placement import Placement
from headrace_backend.session import Session, SessionError
from headrace_backend.tensorrt import EngineLimits


def options(precision: str) -> dict[str, str]:
    return tensorrt.provider_options(2, {"input_ids", "attention_mask"}, EngineLimits(precision, 64, 256), Path("/engines"))


def test_one_engine_serves_every_shape_from_one_token_to_the_largest_batch_of_the_longest_texts():
    found = options("int8-static")
    assert found["trt_profile_min_shapes"] == "attention_mask:1x1,input_ids:1x1"
    assert found["trt_profile_opt_shapes"] == "attention_mask:32x128,input_ids:32x128"
    assert found["trt_profile_max_shapes"] == "attention_mask:64x256,input_ids:64x256"


def test_engines_are_kept_where_the_configuration_says():
    assert options("fp16")["trt_engine_cache_path"] == "/engines"
    assert options("fp16")["trt_engine_cache_enable"] == "True"
    assert Placement.from_parameters({"engine_cache": "/engines"}).engine_cache == Path("/engines")


def test_without_a_place_for_engines_it_is_the_users_own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert tensorrt.default_engine_cache() == tmp_path / "headrace/tensorrt"


@pytest.mark.parametrize(
    ("precision", "half", "int8"), [("int8-static", "True", "True"), ("fp16", "True", "False"), ("fp32", "False", "False")]
)
def test_reduced_precision_is_enabled_only_for_versions_that_have_it(precision, half, int8):
    found = options(precision)
    assert (found["trt_fp16_enable"], found["trt_int8_enable"], found["device_id"]) == (half, int8, "2")


def test_tensorrt_that_is_not_there_is_a_load_error(classifier):
    with pytest.raises(SessionError, match="TensorrtExecutionProvider is not in this ONNX Runtime"):
        Session(classifier.graph, Placement(tensorrt.PROVIDER, limits=EngineLimits("int8-static", 8, 32)), ["logits"])
