"""The last check: a real Triton on the staged version answers texts as the packaged graph does."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from tritonclient.grpc import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException

from export.batches import pad
from export.errors import ExportError
from export.graph import Graph
from export.package import Staged
from export.tasks.task import Floats, Task
from export.tokenization import Encoded
from model_repository import config, tensors
from model_repository.manifest import GRAPH
from model_repository.server import TritonError, TritonServer

TEXTS = 16
SCORES_ATOL = 1e-4
"""The same graph on the same single texts: only the order of the arithmetic may differ."""
CLEAR_LEAD = 0.2
"""In one request the texts are batched, and the activations' int8 ranges are the batch's; a label that leads by this much stays."""


def check_through_triton(staged: Staged, task: Task, texts: Sequence[str], encoded: Encoded, rows: Sequence[int], log: Path) -> float:
    """Send `rows` of the texts one by one, then all in one request; returns the largest difference of a score.

    Raises:
        TritonUnavailable: no Triton runs on this machine.
        ExportError: the version does not load, or answers other than the graph.
    """
    graph = Graph(staged.version_folder / GRAPH, task.output, threads=1)
    expected = task.scores(np.concatenate([graph(pad(encoded, [row])) for row in rows]))
    chosen = [texts[row] for row in rows]
    model, version = staged.manifest.model, str(staged.manifest.version)
    _place_on_cpu_without_gpu(staged)
    try:
        with (
            TritonServer.start(staged.repository, [], log=log) as triton,
            InferenceServerClient(triton.grpc_url) as client,
        ):
            triton.load(model)
            alone = np.concatenate([_ask(client, model, version, [text]) for text in chosen])
            together = _ask(client, model, version, chosen)
    except (TritonError, InferenceServerException) as exc:
        raise ExportError(f"the packaged version does not answer through Triton: {exc} (its log is {log})") from exc
    return _compare(staged.manifest.labels, expected, alone, together)


def _place_on_cpu_without_gpu(staged: Staged) -> None:
    """A version for GPUs is tried on the CPU where there is no GPU; this is the staged configuration, not the repository's."""
    path = staged.version_folder.parent / config.FILE
    settings = config.read(path)
    settings.instance_group[0].count = 1
    if settings.parameters["execution_provider"].string_value not in ort.get_available_providers():
        settings.parameters["execution_provider"].string_value = "CPUExecutionProvider"
    config.write(path, settings)


def _ask(client: InferenceServerClient, model: str, version: str, texts: Sequence[str]) -> Floats:
    tensor = InferInput(tensors.TEXT, [len(texts), 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[text.encode()] for text in texts], dtype=np.object_))
    answer = client.infer(model, [tensor], model_version=version)
    if errors := [error.decode() for [error] in answer.as_numpy(tensors.ERROR) if error]:
        raise ExportError(f"through Triton {len(errors)} of {len(texts)} texts failed, the first with: {errors[0]}")
    scores: Floats = answer.as_numpy(tensors.SCORES)
    return scores


def _compare(labels: Sequence[str], expected: Floats, alone: Floats, together: Floats) -> float:
    for name, answered in (("alone", alone), ("together", together)):
        if answered.shape != expected.shape:
            raise ExportError(f"through Triton scores of texts sent {name} have shape {answered.shape}; {expected.shape} is expected")
    difference = float(np.abs(alone - expected).max())
    if not difference <= SCORES_ATOL:
        raise ExportError(
            f"through Triton scores differ from the packaged graph's by up to {difference:.2g}; at most {SCORES_ATOL:g} is allowed"
        )
    for at, scores in enumerate(expected):
        second, first = np.sort(scores)[-2:]
        if first - second > CLEAR_LEAD and together[at].argmax() != scores.argmax():
            answered, right = labels[together[at].argmax()], labels[scores.argmax()]
            raise ExportError(f"through Triton the label of text {at + 1} sent with others is {answered}, and {right} is expected")
    return difference
