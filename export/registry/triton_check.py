"""The last check: Triton answers with the staged version as its graph does in this process."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from headrace_backend.items import Item
from numpy.typing import NDArray
from tritonclient.grpc import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException

from export.errors import ExportError
from export.graphs.batches import Padded
from export.graphs.graph import Graph, provider_here
from export.graphs.serving import Outputs, Serving
from export.registry.package import Staged
from export.tasks.task import Task
from model_repository import config
from model_repository.control import OPTIONS
from model_repository.manifest import GRAPH, TOKENIZER
from model_repository.server import TritonError, TritonServer
from model_repository.tensors import ERROR, PARAMETERS, TEXT, TEXT_PAIR, Tensors

TEXTS = 16
ATOL = 1e-4
"""The same graph on the same single texts: only the order of the arithmetic may differ."""
CLEAR_LEAD = 0.2
"""A label that leads by less may change when texts are sent together."""
MOST_MOVED = 1 / 8
"""Share of the clear labels that may still change in dynamic int8.

There the ranges of activations are the batch's: a text between two labels was seen to move by 0.31.
Answers in a wrong order would change most labels.
"""


def check_through_triton(staged: Staged, task: Task, items: Sequence[Item], log: Path) -> float:
    """Send items one by one, then all in one request.

    Returns the largest difference of a number in the answers.

    Raises:
        TritonUnavailable: no Triton runs on this machine.
        ExportError: the version does not load, or answers otherwise than the graph.
    """
    manifest, tensors = staged.manifest, staged.manifest.tensors
    serving = Serving(manifest, staged.version_folder / TOKENIZER)
    runs = Padded(Graph(staged.version_folder / GRAPH, serving.backend.graph_outputs, threads=1), serving.encode(()).pad_id)
    expected = [serving.answer(runs, [item]) for item in items]
    _place_on_cpu_without_gpu(staged)
    try:
        # no grace: once the answers are here, nothing runs that a stop would have to wait for
        with (
            TritonServer.start(staged.repository, [], log=log, grace_s=0) as triton,
            InferenceServerClient(triton.grpc_url, channel_args=OPTIONS) as client,
        ):
            triton.load(manifest.model)
            alone = [_ask(client, staged, tensors, [item]) for item in items]
            together = _ask(client, staged, tensors, items)
    except (TritonError, InferenceServerException) as exc:
        raise ExportError(f"the packaged version does not answer through Triton: {exc} (its log is {log})") from exc
    difference = max(_require_same(number, one, other) for number, (one, other) in enumerate(zip(expected, alone, strict=True), start=1))
    if not tensors.is_json:
        may_move = MOST_MOVED if manifest.precision == "int8-dynamic" else 0.0
        require_clear_labels(manifest.labels, np.concatenate(expected), together, may_move)
    return difference


def _place_on_cpu_without_gpu(staged: Staged) -> None:
    """Try a version for GPUs on the CPU where there is no GPU.

    Only the staged configuration changes, not the repository's.
    """
    path = staged.version_folder.parent / config.FILE
    settings = config.read(path)
    settings.instance_group[0].count = 1
    provider = settings.parameters["execution_provider"]
    provider.string_value = provider_here(provider.string_value)
    config.write(path, settings)


def _ask(client: InferenceServerClient, staged: Staged, tensors: Tensors, items: Sequence[Item]) -> Outputs:
    inputs = [_tensor(TEXT, [item.text for item in items])]
    if TEXT_PAIR in tensors.inputs:
        inputs.append(_tensor(TEXT_PAIR, [item.text_pair or b"" for item in items]))
    if PARAMETERS in tensors.optional_inputs:
        inputs.append(_tensor(PARAMETERS, [item.parameters for item in items]))
    answer = client.infer(staged.manifest.model, inputs, model_version=str(staged.manifest.version))
    if errors := [error.decode() for [error] in answer.as_numpy(ERROR) if error]:
        raise ExportError(f"through Triton {len(errors)} of {len(items)} texts failed, the first with: {errors[0]}")
    found = answer.as_numpy(tensors.output)
    return [json.loads(value) for [value] in found] if tensors.is_json else found


def _tensor(name: str, values: Sequence[bytes]) -> InferInput:
    tensor = InferInput(name, [len(values), 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[value] for value in values], dtype=np.object_))
    return tensor


def _require_same(number: int, expected: Outputs, answered: Outputs) -> float:
    """The largest difference of numbers between two answers to one item.

    All else in them must be equal.
    """
    difference = _difference(_plain(expected), _plain(answered))
    if not difference <= ATOL:
        raise ExportError(
            f"through Triton the answer to text {number} differs from the packaged graph's by up to {difference:.2g}; "
            f"at most {ATOL:g} is allowed"
        )
    return difference


def _plain(value: Outputs) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def _difference(one: Any, other: Any) -> float:
    """The largest difference of numbers in the same places; infinite where else they differ."""
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other)
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return max((_difference(one[key], other[key]) for key in one), default=0.0)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return max(map(_difference, one, other), default=0.0)
    return 0.0 if one == other else float("inf")


def require_clear_labels(labels: Sequence[str], expected: NDArray[np.float32], together: NDArray[np.float32], may_move: float) -> None:
    """Require that texts sent together keep the labels that they have alone.

    A share `may_move` of the labels with a clear lead may change.

    Args:
        expected, together: float32 [texts, labels].

    Raises:
        ExportError: names the first label that changed.
    """
    if together.shape != expected.shape:
        raise ExportError(f"through Triton answers of texts sent together have shape {together.shape}; {expected.shape} is expected")
    if len(labels) < 2:
        return
    ordered = np.sort(expected, axis=1)
    clear = np.flatnonzero(ordered[:, -1] - ordered[:, -2] > CLEAR_LEAD)
    moved = [at for at in clear if together[at].argmax() != expected[at].argmax()]
    if len(moved) > may_move * len(clear):
        at = moved[0]
        raise ExportError(
            f"through Triton {len(moved)} of {len(clear)} clear labels change when texts are sent together; "
            f"of text {at + 1} it is {labels[together[at].argmax()]}, and {labels[expected[at].argmax()]} is expected"
        )
