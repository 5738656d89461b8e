"""What the packaged version is compared with: the fp32 PyTorch model.

Its answers to the evaluation set are computed once for the same weights and texts.
"""

import inspect
import io
import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from headrace_backend.items import Item

from export.errors import ExportError, first_line
from export.graphs.batches import BatchInputs, Floats, Padded, Run
from export.graphs.serving import Outputs
from export.graphs.subject import Subject
from export.tasks.libraries import Ask, Libraries
from export.tasks.task import Task

TRIES = 3
"""Answers by which numbers of threads are compared."""
_NUMPY = b"\x93NUMPY"


def torch_run(model: Any, outputs: Iterable[str], *, token_types: bool = True) -> Run:
    """A PyTorch model as a function of padded int64 inputs.

    Inputs that it does not take are left out, and `token_type_ids` where its tokenizer gives none:
    zeros are no default of every model.
    """
    names = set(inspect.signature(model.forward).parameters) - (set() if token_types else {"token_type_ids"})
    wanted = list(outputs)

    def run(inputs: BatchInputs) -> list[Floats]:
        with torch.inference_mode():
            result = model(**{name: torch.from_numpy(value) for name, value in inputs.items() if name in names})
        return [result[name].numpy() for name in wanted]

    return run


def ask_alone(task: Task, subject: Subject, libraries: Libraries, advance: Callable[[int, int], None]) -> Outputs:
    """The reference's answers: each text by itself, by the library that users compare with.

    Where the recipe reads long texts in windows and the library has none, a text of several windows
    is answered by PyTorch, window by window, and joined as the backend joins them.

    Raises:
        ExportError: the library cannot answer a text.
    """
    serving, ask = subject.serving, task.reference(libraries)
    in_windows = serving.answering.windows is not None and not task.reads_windows
    by_window = Padded(subject.run, subject.encoded.pad_id)

    def answer(number: int, item: Item) -> Any:
        queries = serving.queries([item])
        if in_windows and len(serving.encode(queries)) > len(queries):
            return serving.answer(by_window, [item])[0]
        return _answer(ask, item, number)

    rows: list[Any] = []
    with _best_threads(lambda: answer(1, subject.items[0])):
        for number, item in enumerate(subject.items, start=1):
            rows.append(answer(number, item))
            advance(number, len(subject.items))
    return np.stack(rows) if serving.backend.widths else rows


@contextmanager
def _best_threads(ask: Callable[[], object]) -> Iterator[None]:
    """One thread of PyTorch, or as many as it takes by itself, whichever answers sooner.

    In a small model threads wait for each other longer than they work, all the more on a machine
    that has other work to do.
    """
    usual, seconds = torch.get_num_threads(), {}
    ask()
    try:
        for threads in (usual, 1):
            torch.set_num_threads(threads)
            began = time.perf_counter()
            for _ in range(TRIES):
                ask()
            seconds[threads] = time.perf_counter() - began
        torch.set_num_threads(min(seconds, key=seconds.__getitem__))
        yield
    finally:
        torch.set_num_threads(usual)


def _answer(ask: Ask, item: Item, number: int) -> Any:
    try:
        return ask(item)
    except Exception as exc:  # models and libraries raise anything for what they cannot take
        raise ExportError(
            f"text {number} of the evaluation set: the library that the packaged version is compared with cannot answer it "
            f"({first_line(exc)}); remove it from the set"
        ) from exc


def reference_outputs(answer: Callable[[], Outputs], examples: int, cache: Path) -> Outputs:
    """The reference's answers: read from `cache`, or else computed and written there."""
    if cache.is_file():
        cached = _read(cache)
        if len(cached) == examples:
            return cached
    computed = answer()
    cache.parent.mkdir(parents=True, exist_ok=True)
    part = cache.with_suffix(".part")
    with part.open("wb") as file:
        if isinstance(computed, np.ndarray):
            np.save(file, computed)
        else:
            file.write(json.dumps(computed).encode())
    part.replace(cache)
    return computed


def _read(cache: Path) -> Outputs:
    data = cache.read_bytes()
    return np.load(io.BytesIO(data), allow_pickle=False) if data.startswith(_NUMPY) else json.loads(data)
