"""The tasks that a packaged version can have, by the name that its manifest gives."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from headrace_backend.text_classification import TextClassification


class Task(Protocol):
    """What is fetched from the graph, and what is made of it."""

    @property
    def graph_outputs(self) -> Sequence[str]:
        """Names of the graph's outputs that `finish` takes."""
        ...

    @property
    def widths(self) -> Mapping[str, int]:
        """Triton's outputs: name → columns of its FP32 row for each text."""
        ...

    def finish(self, fetched: Sequence[NDArray[np.float32]], attention_mask: NDArray[np.int64]) -> Mapping[str, NDArray[np.float32]]:
        """The graph's outputs of a sub-batch → float32 [batch, width] for each of Triton's outputs."""
        ...


TASKS: Mapping[str, Callable[[Mapping[str, Any]], Task]] = {"text-classification": TextClassification.from_manifest}


def task_of(manifest: Mapping[str, Any]) -> Task:
    """The task of a packaged version.

    Raises:
        ValueError: its task is not known.
    """
    name = manifest["task"]
    if name not in TASKS:
        raise ValueError(f"Task {name} is not known; known are {', '.join(TASKS)}.")
    return TASKS[name](manifest)
