"""The modules of sentence-transformers after the transformer, as the end of the graph.

    ids → transformer → last_hidden_state → pooling → dense … → sentence_embedding

They are the library's own modules, traced: so the graph holds what was trained, int8 included, and
the backend needs to know none of them.
"""

import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import onnx
import torch
from torch.jit._trace import TracerWarning

from export.errors import ExportError, RecipeError, first_line
from export.graphs.batches import BatchInputs, Floats, Run
from export.tasks.module_settings import TOKENS
from export.tasks.sentence_transformer import Module, TailPlan

TRANSFORMER_OUTPUT = "last_hidden_state"
_PREFIX = "tail/"
_CLASSES = {"Dense": "sentence_transformers.base.modules"}
_USUAL_CLASSES = "sentence_transformers.sentence_transformer.modules"


class Tail(torch.nn.Module):
    """Token embeddings float32 [batch, sequence, hidden] and a mask int64 [batch, sequence] of
    those to pool → what `reads` names, float32 [batch, width].

    `output` is that tensor's name in the graph; `mask` is the input that the mask is.
    """

    def __init__(self, modules: Sequence[torch.nn.Module], *, reads: str, output: str, mask: str) -> None:
        super().__init__()
        self.modules_in_order = torch.nn.ModuleList(modules)
        self.reads, self.output, self.mask = reads, output, mask

    def forward(self, last_hidden_state: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Run the modules."""
        features: dict[str, Any] = {TOKENS: last_hidden_state, "attention_mask": mask}
        for module in self.modules_in_order:
            features = module(features)
        found: torch.Tensor = features[self.reads]
        return found

    def after(self, transformer: Run) -> Run:
        """The transformer, a function of padded inputs, with the tail after it."""

        def run(inputs: BatchInputs) -> list[Floats]:
            (hidden,) = transformer(inputs)
            with torch.inference_mode():
                return [self(torch.from_numpy(hidden), torch.from_numpy(inputs[self.mask])).numpy()]

        return run


def make_tail(plan: TailPlan, hidden: int) -> Tail:
    """The modules of a plan, after a transformer with `hidden` numbers for each token.

    Raises:
        RecipeError: the weights of a module are not those that its settings describe.
    """
    # importing takes seconds, and most tasks do without
    from sentence_transformers.sentence_transformer.modules import Pooling

    modules = [_load(plan.files.folder, module) for module in plan.files.in_graph[1:]] if plan.files else []
    modes = plan.pooling.split("+") if plan.pooling else None
    if modes and not any(isinstance(module, Pooling) for module in modules):
        modules.insert(0, Pooling(hidden, modes))
    elif modes:
        modules = [Pooling(hidden, modes) if isinstance(module, Pooling) else module for module in modules]
    for module in modules:
        if isinstance(module, Pooling):
            # the mask that it is given leaves the prompt out already
            module.include_prompt = True
    mask = "attention_mask" if plan.include_prompt else "pooling_mask"
    return Tail(modules, reads=plan.reads, output=plan.output, mask=mask).eval()


def append_tail(graph: Path, tail: Tail, hidden: int) -> None:
    """Put the tail at the end of the transformer's graph, in the place of its output.

    Raises:
        ExportError: a module of the tail cannot be traced.
    """
    # the weights of a large graph lie beside it, and stay there
    whole = onnx.load(str(graph), load_external_data=False)
    opset = next(entry.version for entry in whole.opset_import if entry.domain in ("", "ai.onnx"))
    traced = _traced(tail, hidden, opset, graph.with_name("tail.onnx"))
    end = onnx.compose.add_prefix(traced, _PREFIX, rename_inputs=False, rename_outputs=False)
    whole.graph.node.extend(end.graph.node)
    whole.graph.initializer.extend(end.graph.initializer)
    known = {node.name for node in whole.graph.input}
    whole.graph.input.extend(node for node in end.graph.input if node.name not in {*known, TRANSFORMER_OUTPUT})
    del whole.graph.output[:]
    whole.graph.output.extend(end.graph.output)
    onnx.save(whole, str(graph))


def _traced(tail: Tail, hidden: int, opset: int, file: Path) -> Any:
    tokens, mask = torch.randn(2, 3, hidden), torch.tensor([[1, 1, 1], [1, 1, 0]])
    free = {0: "batch_size", 1: "sequence_length"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TracerWarning)
            # the other exporter needs a package more, and Optimum uses this one as well
            warnings.simplefilter("ignore", DeprecationWarning)
            torch.onnx.export(
                tail,
                (tokens, mask),
                str(file),
                input_names=[TRANSFORMER_OUTPUT, tail.mask],
                output_names=[tail.output],
                dynamic_axes={TRANSFORMER_OUTPUT: free, tail.mask: free, tail.output: {0: "batch_size"}},
                opset_version=opset,
                dynamo=False,
            )
    # what the tracer raises about operators and control flow that it cannot write down
    except (RuntimeError, ValueError, TypeError, NotImplementedError) as exc:
        kinds = ", ".join(type(module).__name__ for module in tail.modules_in_order)
        raise ExportError(f"the modules after the transformer ({kinds}) cannot be exported: {first_line(exc)}") from exc
    traced = onnx.load(str(file))
    file.unlink()
    return traced


def _load(folder: Path, module: Module) -> torch.nn.Module:
    kind = getattr(import_module(_CLASSES.get(module.kind, _USUAL_CLASSES)), module.kind)
    try:
        loaded: torch.nn.Module = kind.load(str(folder), subfolder=module.path, local_files_only=True)
    except Exception as exc:  # torch, safetensors and the activation's class raise what they like
        raise RecipeError(f"checkpoint: {folder / module.path} holds no sound {module.kind}: {first_line(exc)}") from exc
    return loaded
