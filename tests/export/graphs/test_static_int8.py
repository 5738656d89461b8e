"""Static int8 for TensorRT: calibrated on real texts, checked on the CPU with the same graph."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from onnx import TensorProto, numpy_helper

from export.errors import ExportError, RecipeError
from export.graphs.graph import Graph
from export.inputs import Inputs
from export.pipeline import export
from export.progress import Progress
from export.recipe.recipe import Recipe
from export.registry import package
from model_repository import config
from model_repository.manifest import GRAPH, read_versions

Read = Callable[..., Inputs]


@pytest.fixture
def static(export_once: Callable[..., Any], evaluation: Path) -> Callable[..., Any]:
    """A version that was calibrated on 64 texts, or otherwise."""

    def make(**calibration: Any) -> Any:
        return export_once(target="gpu", calibration={"data": str(evaluation), "samples": 64, **calibration}, sensitivity=False)

    return make


@pytest.mark.parametrize(
    ("calibration", "said"),
    [
        ({}, "ranges by minmax of 64 texts"),
        ({"method": "percentile", "percentile": 99.9}, "ranges by percentile of 64 texts"),
        ({"method": "entropy", "samples": 24}, "ranges by entropy of 24 texts"),
    ],
)
def test_a_static_graph_answers_nearly_as_pytorch_does(static: Callable[..., Any], calibration: dict[str, Any], said: str) -> None:
    # the export itself holds scores to within 0.03 of PyTorch's, and the accuracy to the gate
    exported = static(**calibration)
    manifest = exported.manifest
    assert (manifest.precision, manifest.target) == ("int8-static", "gpu")
    assert manifest.quality
    assert manifest.quality.reference - manifest.quality.packaged <= 0.2
    assert said in exported.printed


def test_a_static_graph_is_as_tensorrt_wants_it(static: Callable[..., Any]) -> None:
    graph = onnx.load(static().folder / GRAPH).graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    made_by = {output: node for node in graph.node for output in node.output}
    readers: dict[str, list[str]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node.name)
    products = [node for node in graph.node if node.op_type == "MatMul"]
    assert len(products) == 16
    for product in products:
        for name in product.input:
            dequantize = made_by[name]
            quantize = made_by[dequantize.input[0]]
            assert (quantize.op_type, dequantize.op_type) == ("QuantizeLinear", "DequantizeLinear")
            assert readers[name] == [product.name], "a pair has one reader"
            zero = constants[quantize.input[2]]
            assert zero.data_type == TensorProto.INT8
            assert not numpy_helper.to_array(zero).any(), "symmetric"
            if quantize.input[0] in constants:
                weight = numpy_helper.to_array(constants[quantize.input[0]])
                scale = numpy_helper.to_array(constants[quantize.input[1]])
                assert scale.shape == (weight.shape[1],), "a scale for each output channel"
    # other readers read what was never rounded
    assert all(readers.get(output) for node in graph.node if node.op_type == "DequantizeLinear" for output in node.output)
    assert not [
        node.name
        for node in graph.node
        if node.op_type == "Add" and "DequantizeLinear" in {made_by[name].op_type for name in node.input if name in made_by}
    ]
    # neither a dynamic operator nor an int32 bias, which TensorRT does not take
    assert not {"DynamicQuantizeLinear", "MatMulInteger"} & {node.op_type for node in graph.node}
    assert not [tensor for tensor in graph.initializer if tensor.data_type == TensorProto.INT32]


def test_its_configuration_asks_for_tensorrt_and_its_manifest_says_what_measured_it(static: Callable[..., Any]) -> None:
    exported = static()
    settings = config.read(exported.folder.parent / config.FILE)
    assert settings.parameters["execution_provider"].string_value == "TensorrtExecutionProvider"
    assert exported.manifest.measured_provider == "CPUExecutionProvider"
    assert exported.manifest.speed is None


def test_other_calibration_texts_are_another_export(inputs: Read, tmp_path: Path) -> None:
    texts = tmp_path / "train.jsonl"
    texts.write_text(json.dumps({"text": "alna bero"}) + "\n")
    before = inputs(target="gpu", calibration={"data": "train.jsonl"})
    assert before.calibration
    assert [query.text for query in before.calibration.queries] == ["alna bero"]
    moved = texts.rename(tmp_path / "moved.jsonl")
    assert inputs(target="gpu", calibration={"data": "moved.jsonl"}).digest == before.digest
    moved.write_text(json.dumps({"text": "cora duto"}) + "\n")
    assert inputs(target="gpu", calibration={"data": "moved.jsonl"}).digest != before.digest


def test_samples_spread_over_the_calibration_texts(inputs: Read, tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("".join(json.dumps({"body": str(number)}) + "\n" for number in range(10)))
    found = inputs(target="gpu", calibration={"data": "train.jsonl", "text": "body", "samples": 4}).calibration
    assert found
    assert [query.text for query in found.queries] == ["0", "2", "5", "7"]


def test_pairs_are_read_from_any_format_of_an_evaluation_set(inputs: Read, tmp_path: Path) -> None:
    rows = [{"q": "alna", "d": "bero, co"}, {"q": "duto", "d": ""}]
    (tmp_path / "train.csv").write_text('q,d\nalna,"bero, co"\nduto,\n')
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "train.parquet")
    folder = tmp_path / "train"
    folder.mkdir()
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data.arrow"}]}))
    table = pa.Table.from_pylist(rows)
    with pa.ipc.new_stream(folder / "data.arrow", table.schema) as stream:
        stream.write_table(table)
    for data in ("train.csv", "train.jsonl", "train.parquet", "train"):
        found = inputs(target="gpu", calibration={"data": data, "text": "q", "text_pair": "d"}).calibration
        assert found
        assert [(query.text, query.text_pair) for query in found.queries] == [("alna", "bero, co"), ("duto", "")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, r"calibration\.data: .* cannot be read: No such file"),
        ("", r"calibration\.data: .* holds no example"),
        ("[", r"calibration\.data: .* begins as a JSON array, and is none"),
        ('{"texts": "a"}', r"calibration\.text: .* has no field 'text'; its fields are texts"),
        ('{"text": "a"}\n{"text": 1}', r"calibration\.text: line 2 of .* has no field 'text' that holds a string"),
    ],
)
def test_calibration_texts_that_cannot_be_used_are_named(inputs: Read, tmp_path: Path, content: str | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "train.jsonl").write_text(content)
    with pytest.raises(RecipeError, match=reason):
        inputs(target="gpu", calibration={"data": "train.jsonl"})


def test_a_model_that_another_provider_serves_is_not_given_a_static_version(static: Callable[..., Any], tmp_path: Path) -> None:
    path = shutil.copytree(static().repository, tmp_path / "repository") / "weather" / config.FILE
    settings = config.read(path)
    settings.parameters["execution_provider"].string_value = "CUDAExecutionProvider"
    config.write(path, settings)
    with pytest.raises(ExportError, match=r"serves weather with CUDAExecutionProvider, and this version needs TensorrtExecutionProvider"):
        package.require_provider(tmp_path / "repository", "weather", "TensorrtExecutionProvider")
    package.require_provider(tmp_path / "repository", "weather", "CUDAExecutionProvider")
    package.require_provider(tmp_path / "repository", "elsewhere", "TensorrtExecutionProvider")


def test_a_provider_that_is_not_there_is_named(static: Callable[..., Any]) -> None:
    with pytest.raises(ExportError, match=r"this ONNX Runtime has no TensorrtExecutionProvider, only .*CPUExecutionProvider"):
        Graph(static().folder / GRAPH, ["logits"], provider="TensorrtExecutionProvider")


@pytest.mark.integration
def test_a_static_version_answers_through_triton(
    write_recipe: Callable[..., Path], evaluation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = Recipe.read(write_recipe(target="gpu", calibration={"data": str(evaluation)}))
    manifest = export(Inputs.of(recipe), tmp_path / "repository", tmp_path / "work", Progress())
    assert read_versions(tmp_path / "repository/weather") == {1: manifest}
    assert "on the CPU, for there is no TensorrtExecutionProvider here" in capsys.readouterr().out
