"""Export, optimization, quantization and half precision of a tiny BERT, and their checks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from headrace_backend.functions import softmax
from headrace_backend.items import Item, Query
from tokenizers.normalizers import Replace

from export.checkpoints.load import load
from export.checkpoints.tokenization import Encoded, require_same_tokens
from export.errors import ExportError
from export.graphs import checks
from export.graphs.batches import Padded, Run, pad, spread
from export.graphs.graph import Graph
from export.graphs.half_precision import to_float16
from export.graphs.onnx_export import export_onnx
from export.graphs.optimize import optimize
from export.graphs.quantize import detect_instruction_set, quantize
from export.graphs.reference import reference_outputs, torch_run
from export.graphs.serving import Serving
from export.inputs import Inputs
from export.tasks import TASKS
from model_repository.manifest import GRAPH, TOKENIZER, Answering, file_digest

TASK = TASKS["text-classification"]


@dataclass(frozen=True)
class Exported:
    run: Run
    config: Any
    fp32: Path
    encoded: Encoded
    serving: Serving

    def probe(self) -> checks.Probe:
        return checks.Probe(self.run, self.encoded.some(spread(self.encoded.lengths, 32)), self.serving.backend, relative=False)


@pytest.fixture(scope="module")
def exported(classifier: Path, onnx_classifier: Path, texts: Sequence[str], max_length: int) -> Exported:
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(classifier).eval()
    answering = Answering(task=TASK.name, labels=("cold", "mild", "warm"), max_length=max_length)
    serving = Serving(answering, onnx_classifier / TOKENIZER)
    encoded = serving.encode([Query(text) for text in texts])
    return Exported(torch_run(model, TASK.outputs), model.config, onnx_classifier / GRAPH, encoded, serving)


def test_a_graph_that_onnx_runtime_cannot_read_or_run_is_our_error(exported: Exported, tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"garbage")
    for name in ("broken.onnx", "none.onnx"):
        with pytest.raises(ExportError, match=r"ONNX Runtime's CPUExecutionProvider cannot run the graph: .*ONNXRuntimeError"):
            Graph(tmp_path / name, TASK.outputs)
    beyond = {name: np.full((2, 5), 10**6) for name in ("input_ids", "attention_mask", "token_type_ids")}
    with pytest.raises(ExportError, match=r"cannot run the graph on a batch of 2 x 5 tokens: .*out of data bounds"):
        Graph(exported.fp32, TASK.outputs)(beyond)


def test_a_graph_that_no_tool_can_work_on_is_our_error(exported: Exported, tmp_path: Path) -> None:
    weightless = onnx.load(exported.fp32)
    del weightless.graph.initializer[:]
    onnx.save(weightless, tmp_path / "model.onnx")
    with pytest.raises(ExportError, match=r"^optimization O2 is not possible for bert"):
        optimize(tmp_path / "model.onnx", tmp_path / "optimized", "O2", exported.config, "cpu")


def test_the_exported_graph_answers_padded_batches_as_pytorch_does(exported: Exported) -> None:
    graph = Graph(exported.fp32, TASK.outputs)
    checks.check_tensors(graph, TASK, 3)
    found = exported.probe().difference(graph)
    checks.require_same(found)
    assert found.max_outputs < 1e-4


def test_a_graph_that_ignores_the_padding_mask_is_found(exported: Exported) -> None:
    graph = Graph(exported.fp32, TASK.outputs)
    found = exported.probe().difference(lambda inputs: graph({**inputs, "attention_mask": np.ones_like(inputs["attention_mask"])}))
    with pytest.raises(ExportError, match=r"differ from PyTorch's by up to [\d.]+ on padded batches; at most 0\.001 and 1e-05 of"):
        checks.require_same(found)


@pytest.mark.parametrize("instruction_set", ["avx512_vnni", "avx2", "arm64"])
def test_quantization_leaves_its_input_as_it_was(exported: Exported, instruction_set: Any, tmp_path: Path) -> None:
    before = file_digest(exported.fp32)
    int8 = quantize(exported.fp32, tmp_path, instruction_set, exported.config)
    assert file_digest(exported.fp32) == before
    operators = {node.op_type for node in onnx.load(int8).graph.node}
    assert "MatMulInteger" in operators
    graph = Graph(int8, TASK.outputs)
    checks.check_tensors(graph, TASK, 3)
    checks.require_close(exported.probe().difference(graph), "int8-dynamic")


def test_quantization_into_its_inputs_folder_is_refused(exported: Exported) -> None:
    with pytest.raises(ExportError, match="would overwrite its own input"):
        quantize(exported.fp32, exported.fp32.parent, "avx2", exported.config)


@pytest.mark.parametrize("level", ["O1", "O2"])
def test_an_optimized_graph_answers_as_before_and_can_be_quantized(exported: Exported, level: Any, tmp_path: Path) -> None:
    before = file_digest(exported.fp32)
    optimized = optimize(exported.fp32, tmp_path / "optimized", level, exported.config, "cpu")
    assert file_digest(exported.fp32) == before
    checks.require_same(exported.probe().difference(Graph(optimized, TASK.outputs)))
    int8 = Graph(quantize(optimized, tmp_path / "int8", "avx2", exported.config), TASK.outputs)
    checks.check_tensors(int8, TASK, 3)
    checks.require_close(exported.probe().difference(int8), "int8-dynamic")


def test_gelu_is_approximated_only_at_o3_which_the_looser_check_allows(exported: Exported, tmp_path: Path) -> None:
    found = exported.probe().difference(Graph(optimize(exported.fp32, tmp_path, "O3", exported.config, "cpu"), TASK.outputs))
    assert found.max_outputs > 1e-4
    checks.require_close(found, "fp32", "O3")
    with pytest.raises(ExportError, match=r"scores of fp32 with O3 differ from PyTorch's by 0\.1000 on average; at most 0\.005"):
        checks.require_close(checks.Difference(1.0, 0.1, 1.0), "fp32", "O3")


def test_o4_is_in_half_precision_and_keeps_the_types_of_inputs_and_outputs(exported: Exported, tmp_path: Path) -> None:
    graph = Graph(optimize(exported.fp32, tmp_path, "O4", exported.config, "gpu"), TASK.outputs)
    checks.check_tensors(graph, TASK, 3)
    checks.require_close(exported.probe().difference(graph), "fp16", "O4")
    weights = {tensor.data_type for tensor in onnx.load(tmp_path / "model.onnx").graph.initializer if len(tensor.dims) == 2}
    assert weights == {onnx.TensorProto.FLOAT16}


def test_half_precision_keeps_the_types_of_inputs_and_outputs(exported: Exported, tmp_path: Path) -> None:
    graph = Graph(to_float16(exported.fp32, tmp_path), TASK.outputs)
    checks.check_tensors(graph, TASK, 3)
    found = exported.probe().difference(graph)
    checks.require_close(found, "fp16")
    assert found.max_outputs > 0
    weights = {tensor.data_type for tensor in onnx.load(tmp_path / "model.onnx").graph.initializer if len(tensor.dims) == 2}
    assert weights == {onnx.TensorProto.FLOAT16}


def test_scores_that_moved_too_far_are_refused(exported: Exported) -> None:
    found = exported.probe().difference(lambda inputs: [exported.run(inputs)[0][:, ::-1]])
    with pytest.raises(ExportError, match=r"scores of int8-dynamic differ from PyTorch's by 0\.\d+ on average; at most 0\.03 is allowed"):
        checks.require_close(found, "int8-dynamic")


def test_outputs_that_are_no_numbers_are_refused(exported: Exported) -> None:
    found = exported.probe().difference(lambda inputs: [exported.run(inputs)[0] * np.nan])
    with pytest.raises(ExportError, match="by nan on average"):
        checks.require_close(found, "int8-dynamic")
    with pytest.raises(ExportError, match="by up to nan"):
        checks.require_close(found, "fp32")


def test_a_graph_with_another_number_of_outputs_is_refused(exported: Exported) -> None:
    with pytest.raises(ExportError, match=r"the graph's output logits is tensor\(float\) .*; float32 \[batch, 4\] is needed"):
        checks.check_tensors(Graph(exported.fp32, TASK.outputs), TASK, 4)


def renamed(graph: Path, old: str, new: str, folder: Path) -> Graph:
    model = onnx.load(graph)
    for node in model.graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]
    for value in (*model.graph.input, *model.graph.output):
        value.name = new if value.name == old else value.name
    onnx.save(model, folder / "renamed.onnx")
    return Graph(folder / "renamed.onnx", TASK.outputs)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("attention_mask", "mask", "the graph has no input attention_mask; its inputs are"),
        ("token_type_ids", "segments", "the graph needs the input segments, which serving does not feed"),
        ("logits", "scores", "the graph has no output logits; its outputs are scores"),
    ],
)
def test_tensors_that_serving_does_not_know_are_named(exported: Exported, old: str, new: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=reason):
        checks.check_tensors(renamed(exported.fp32, old, new, tmp_path), TASK, 3)


def test_answers_stand_in_the_order_of_the_items_however_they_are_batched(exported: Exported, texts: Sequence[str]) -> None:
    items = [Item(text.encode()) for text in texts]
    seen: list[tuple[int, int]] = []
    answers = exported.serving.answer(Padded(exported.run, 0), items, lambda done, total: seen.append((done, total)))
    alone = np.concatenate([exported.run(pad(exported.encoded, [row]))[0] for row in range(len(texts))])
    np.testing.assert_allclose(answers, softmax(alone), atol=1e-4)
    assert seen[-1] == (120, 120)


@pytest.mark.parametrize("answers", [np.arange(6, dtype=np.float32).reshape(3, 2), [{"label": "warm"}, [], 0.5]])
def test_the_reference_is_computed_once(answers: Any, tmp_path: Path) -> None:
    def never() -> Any:
        raise AssertionError("computed again")

    reference_outputs(lambda: answers, 3, tmp_path / "cache")
    again = reference_outputs(never, 3, tmp_path / "cache")
    assert type(again) is type(answers)
    np.testing.assert_equal(again, answers)


def test_a_tokenizer_that_gives_other_tokens_is_refused(exported: Exported, classifier: Path) -> None:
    from transformers import AutoTokenizer

    queries = [Query("alna bero"), Query("alna", "bero alna")]
    tokenizer = AutoTokenizer.from_pretrained(classifier)
    require_same_tokens(tokenizer, exported.serving.tokenizer, queries)
    tokenizer.backend_tokenizer.normalizer = Replace("bero", "cona")
    with pytest.raises(ExportError, match="for text 1 and the checkpoint's gives"):
        require_same_tokens(tokenizer, exported.serving.tokenizer, queries)


def test_the_packaged_tokenizer_cuts_where_the_recipe_says_and_not_where_an_old_training_did(exported: Exported, max_length: int) -> None:
    assert max(exported.encoded.lengths) == max_length
    assert min(exported.encoded.lengths) < 6
    assert exported.encoded.pad_id == 0


@pytest.mark.parametrize(
    ("machine", "flags", "expected"),
    [
        ("x86_64", "fpu avx2 avx512f avx512_vnni", "avx512_vnni"),
        ("x86_64", "fpu avx2 avx_vnni", "avx512_vnni"),
        ("x86_64", "fpu avx2 avx512f", "avx2"),
        ("AMD64", "", "avx2"),
        ("aarch64", "", "arm64"),
        ("arm64", "", "arm64"),
    ],
)
def test_the_instruction_set_follows_the_cpu(machine: str, flags: str, expected: str) -> None:
    assert detect_instruction_set(machine, f"processor\t: 0\nflags\t\t: {flags}\n") == expected


def test_an_architecture_that_optimum_does_not_know_is_named(exported: Exported, inputs: Callable[..., Inputs], tmp_path: Path) -> None:
    model = load(inputs(), TASK).model
    model.config.model_type = "unheard-of"
    with pytest.raises(ExportError, match="Optimum cannot export unheard-of for text-classification"):
        export_onnx(model, TASK, tmp_path)
