"""When a packaged graph counts as slower than fp32; seconds are given, not measured."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from headrace_backend.items import Window

from export.checkpoints.tokenization import Encoded
from export.errors import ExportError
from export.graphs.measure import Comparison, Workload, batch_at, require_not_slower, time_in_turn
from export.inputs import Inputs

WORKLOAD = Workload([{"input_ids": np.zeros((8, 4), dtype=np.int64)}] * 6, texts=48)


def compared(fp32_s: float, packaged_s: float, passes: int = 5) -> Comparison:
    return Comparison([fp32_s] * passes, [packaged_s] * passes, WORKLOAD)


def test_what_is_clearly_slower_is_refused_with_both_speeds_and_what_to_use() -> None:
    with pytest.raises(ExportError) as caught:
        require_not_slower(compared(0.12, 0.24), "int8", "use precision: fp32")
    assert str(caught.value) == (
        "int8 runs 200 texts/s on this machine's CPU and plain fp32 400, so it would be slower than what it replaces; "
        "use precision: fp32, or say allow_slower: true in the recipe if its size is worth that"
    )


@pytest.mark.parametrize(
    "found",
    [
        compared(0.12, 0.06),
        compared(0.12, 0.13),  # within the margin
        compared(0.006, 0.012),  # calls of a millisecond: too small a model to tell
        Comparison([0.12, 0.12, 0.12, 0.3, 0.3], [0.14, 0.14, 0.14, 0.2, 0.2], WORKLOAD),  # now slower, now faster
    ],
)
def test_what_is_not_clearly_slower_passes(found: Comparison) -> None:
    require_not_slower(found, "int8", "use precision: fp32")


def test_models_are_timed_in_turn_until_the_first_has_had_its_seconds() -> None:
    order: list[str] = []
    ticks = count()

    def one(name: str, seconds: float) -> Callable[[Callable[[], float]], float]:
        def run(clock: Callable[[], float]) -> float:
            order.append(name)
            clock()
            return seconds

        return run

    found = time_in_turn([one("a", 0.25), one("b", 1.0)], 2.0, lambda: next(ticks))
    assert order == ["a", "b"] * 9
    assert found == [[0.25] * 8, [1.0] * 8]


def test_a_pass_is_timed_by_the_clock_that_is_given() -> None:
    clock: Iterator[float] = iter([10.0, 12.5])
    assert WORKLOAD.pass_s(lambda inputs: np.zeros((8, 3), dtype=np.float32), lambda: next(clock)) == 2.5


@pytest.mark.parametrize(("batch_s", "texts"), [(0.1, 48), (0.5, 32), (60.0, 8)])
def test_a_slow_model_is_timed_with_fewer_texts(batch_s: float, texts: int) -> None:
    encoded = Encoded([Window(np.ones(n, dtype=np.int64)) for n in range(1, 61)], pad_id=0)
    clock: Iterator[float] = iter([0.0, 6 * batch_s])
    found = Workload.within(encoded, lambda inputs: np.zeros((8, 3), dtype=np.float32), 2.0, lambda: next(clock))
    assert found.texts == texts


def test_batch_shapes_are_of_short_and_long_texts() -> None:
    encoded = Encoded([Window(np.ones(n, dtype=np.int64)) for n in range(1, 21)], pad_id=0)
    assert batch_at(encoded, 1, 0.25)["input_ids"].shape == (1, 6)
    assert batch_at(encoded, 8, 0.9)["input_ids"].shape == (8, 20)
    assert batch_at(encoded, 64, 0.9)["input_ids"].shape == (20, 20)


@pytest.fixture
def package_slow(inputs: Callable[..., Inputs], export_to: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    return lambda **changes: export_to(tmp_path, inputs(**changes), compare_speed=lambda *_: compared(0.12, 0.24))


def test_an_export_that_is_slower_than_fp32_stops(package_slow: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"int8 with optimization O1 runs 200 texts/s .* fp32 400.*; use precision: fp32 without"):
        package_slow(optimization="O1")
    assert not (tmp_path / "repository").exists()


def test_a_recipe_can_allow_it(package_slow: Callable[..., Any]) -> None:
    manifest = package_slow(allow_slower=True)
    assert manifest.speed.packaged_texts_per_s == 200


def test_what_is_made_for_another_cpu_is_not_held_to_this_ones_speed(package_slow: Callable[..., Any]) -> None:
    assert package_slow(instruction_set="arm64").speed.fp32_texts_per_s == 400
