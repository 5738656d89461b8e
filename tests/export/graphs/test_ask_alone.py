"""The reference is asked about each text by itself, about several texts at once."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from headrace_backend.items import Item

from export.checkpoints.libraries import CheckpointLibraries, sharing_weights
from export.errors import ExportError
from export.graphs.ask_alone import Way, _ask, ask_alone
from export.inputs import Inputs
from export.loading import load_subject
from export.progress import Progress
from export.tasks import TASKS

Read = Callable[..., Inputs]


@pytest.fixture
def two_threads() -> Iterator[None]:
    usual = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(usual)


@pytest.fixture
def loaded(inputs: Read, tmp_path: Path) -> Any:
    found = inputs()
    reference, subject, _ = load_subject(
        found, TASKS["text-classification"], tmp_path / "repository", tmp_path / "tokenizer.json", Progress()
    )
    return subject, CheckpointLibraries(found, reference)


def test_answers_are_the_same_whatever_is_asked_at_once(loaded: Any, two_threads: None) -> None:
    subject, libraries = loaded
    items = [*subject.items, *subject.own_items]
    seen: list[tuple[int, int]] = []
    found = ask_alone(subject.task, subject, libraries.copy, lambda *done: seen.append(done))
    assert seen[-1][0] == seen[-1][1] == len({*items})
    torch.set_num_threads(1)
    right = np.stack([subject.task.reference(libraries.copy())(item) for item in items])
    np.testing.assert_allclose(found, right, atol=1e-6)
    asks = [subject.task.reference(libraries.copy()) for _ in range(2)]
    together = _ask(Way(2, 1), asks, items, dict.fromkeys(items, ""), lambda count: None)
    assert np.array_equal(np.stack(together), right), "to the bit, with as many threads for each text"


def test_texts_are_asked_at_once_each_by_a_copy_of_its_own(loaded: Any) -> None:
    subject, _ = loaded
    both = threading.Barrier(2, timeout=30)

    def asked() -> Callable[[Item], int]:
        at_work = threading.Lock()

        def ask(item: Item) -> int:
            assert at_work.acquire(blocking=False), "a copy answers one text at a time"
            both.wait()
            at_work.release()
            return len(item.text)

        return ask

    items = subject.items[:10]
    found = _ask(Way(2, 1), [asked(), asked()], items, dict.fromkeys(items, ""), lambda count: None)
    assert found == [len(item.text) for item in items]


def test_copies_share_their_weights_and_nothing_else(loaded: Any) -> None:
    _, libraries = loaded
    one, other = libraries.copy().reference.model, libraries.copy().reference.model
    assert {id(weight) for weight in one.parameters()} == {id(weight) for weight in other.parameters()}
    assert not {id(module) for module in one.modules()} & {id(module) for module in other.modules()}


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning")
def test_a_model_with_computed_weights_is_copied() -> None:
    model = torch.nn.Sequential(torch.nn.utils.weight_norm(torch.nn.Linear(4, 4)))
    text = torch.ones(1, 4)
    copied = sharing_weights(model)
    assert torch.equal(copied(text), model(text))
    assert copied[0].weight is not model[0].weight
    assert copied[0].weight_v is model[0].weight_v


def test_equal_texts_are_asked_once(loaded: Any) -> None:
    subject, libraries = loaded
    asked: list[Item] = []
    task = replace(subject.task, reference=lambda libraries: lambda item: asked.append(item) or np.zeros(3, dtype=np.float32))
    twice = replace(subject, items=[*subject.items[:4], *subject.items[:4]], own_items=())
    assert len(ask_alone(task, twice, lambda: libraries, lambda done, total: None)) == 8
    assert asked == subject.items[:4]


def test_a_text_that_the_library_cannot_answer_is_named(loaded: Any, two_threads: None) -> None:
    subject, libraries = loaded

    def ask(item: Item) -> Any:
        if item == subject.items[70]:
            raise RuntimeError("no")
        return np.zeros(3)

    task = replace(subject.task, reference=lambda libraries: ask)
    with pytest.raises(ExportError, match=r"^text 71 of the evaluation set: the library .*\(no\)"):
        ask_alone(task, subject, lambda: libraries, lambda done, total: None)
