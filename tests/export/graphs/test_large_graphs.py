"""Graphs whose weights lie beside them: all the way from the export to a Triton that serves them.

One file holds 2 GB; here it is made to hold a few kilobytes.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from headrace_backend.files import FileError, require_unchanged

from export.__main__ import main
from export.graphs import onnx_file
from export.graphs.build import Builder
from export.graphs.candidates import Candidate
from export.graphs.graph import Graph
from export.graphs.half_precision import to_float16
from export.graphs.onnx_file import has_data, save, settle, size_bytes
from export.inputs import Inputs
from export.pipeline import export
from export.progress import Progress
from model_repository.manifest import GRAPH, GRAPH_DATA, Manifest

LARGEST_FILE_BYTES = 20_000
BATCH = {
    "input_ids": np.array([[2, 7, 9, 3], [2, 11, 3, 0]]),
    "attention_mask": np.array([[1, 1, 1, 1], [1, 1, 1, 0]]),
    "token_type_ids": np.zeros((2, 4), dtype=np.int64),
}


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """One file holds little."""
    monkeypatch.setattr(onnx_file, "LARGEST_FILE_BYTES", LARGEST_FILE_BYTES)


@pytest.fixture
def large(onnx_classifier: Path, tmp_path: Path, small_files: None) -> Path:
    """The classifier's graph with its weights beside it."""
    (tmp_path / "fp32").mkdir()
    graph = tmp_path / "fp32" / GRAPH
    save(onnx.load(onnx_classifier / GRAPH), graph)
    assert {path.name for path in graph.parent.iterdir()} == {GRAPH, GRAPH_DATA}
    assert size_bytes(graph) > LARGEST_FILE_BYTES > graph.stat().st_size / 10
    return graph


@pytest.mark.parametrize(("written", "atol"), [("fp32", 1e-5), ("fp32 O1", 1e-5), ("fp32 O2", 1e-4), ("int8", 0.3), ("int8 O2", 0.3)])
def test_every_step_takes_weights_beside_a_graph(onnx_classifier: Path, classifier: Path, large: Path, written: str, atol: float) -> None:
    from transformers import AutoConfig

    precision, _, level = written.partition(" ")
    builder = Builder(large, large.parent.parent, AutoConfig.from_pretrained(classifier), "cpu", "avx2")
    made = builder.build(Candidate(precision, level or None))
    assert has_data(made)
    assert has_data(large)
    [right] = Graph(onnx_classifier / GRAPH, ["logits"])(BATCH)
    [found] = Graph(made, ["logits"])(BATCH)
    np.testing.assert_allclose(found, right, atol=atol)


def test_half_precision_takes_weights_beside_a_graph(onnx_classifier: Path, large: Path) -> None:
    made = to_float16(large, large.parent.parent / "half")
    assert has_data(made)
    [right], [found] = Graph(onnx_classifier / GRAPH, ["logits"])(BATCH), Graph(made, ["logits"])(BATCH)
    np.testing.assert_allclose(found, right, atol=0.05)


def test_a_graph_that_fits_into_one_file_is_one_file(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_file, "LARGEST_FILE_BYTES", 10**9)
    assert not has_data(settle(large))


@pytest.mark.integration
def test_a_large_version_is_packaged_verified_signed_moved_and_served(
    inputs: Callable[..., Inputs], small_files: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    for variable in ("HEADRACE_TRITON_GRPC_URL", "HEADRACE_MANIFEST_PUBLIC_KEY"):
        monkeypatch.delenv(variable, raising=False)
    repository, key = tmp_path / "repository", tmp_path / "release.key"
    manifest = export(inputs(precision="fp32"), repository, tmp_path / "work", Progress())
    folder = repository / "weather/1"
    assert set(manifest.files) == {GRAPH, GRAPH_DATA, "tokenizer.json"}
    assert manifest.sizes.packaged_bytes == sum((folder / name).stat().st_size for name in (GRAPH, GRAPH_DATA))
    assert "answers as the graph does" in (folder / "report.md").read_text()

    assert main(["keygen", str(key)]) == 0
    assert main(["sign", "weather/1", "--repository", str(repository), "--key", str(key)]) == 0
    assert main(["push", "weather/1", f"file://{tmp_path / 'store'}", "--repository", str(repository)]) == 0
    elsewhere = tmp_path / "elsewhere"
    assert main(["pull", f"file://{tmp_path / 'store'}", "weather/1", "--repository", str(elsewhere)]) == 0
    pulled = elsewhere / "weather/1"
    assert (pulled / GRAPH_DATA).read_bytes() == (folder / GRAPH_DATA).read_bytes()
    assert main(["verify", "weather/1", "--repository", str(elsewhere), "--public-key", f"{key}.pub"]) == 0

    data = bytearray((pulled / GRAPH_DATA).read_bytes())
    data[100] ^= 1
    (pulled / GRAPH_DATA).write_bytes(data)
    assert main(["verify", "weather/1", "--repository", str(elsewhere)]) == 1
    assert "a file was changed" in capsys.readouterr().err
    found = Manifest.model_validate(json.loads((pulled / "manifest.json").read_text()))
    with pytest.raises(FileError, match=f"{GRAPH_DATA} has the digest"):
        require_unchanged(pulled, found.files)
