"""What Triton counts of its batches, and the difference of two readings."""

from typing import Any

import pytest

from loadtest.observation.triton_statistics import Batches, parse_statistics


def entry(calls: int, sizes: dict[int, int]) -> dict[str, Any]:
    """One version's statistics.

    A call waits 2 ms in the queue; a text takes 1 ms of inference and 0.5 ms of copying.
    """
    return {
        "inference_count": sum(size * count for size, count in sizes.items()),
        "execution_count": sum(sizes.values()),
        "inference_stats": {"success": {"count": calls}, "queue": {"count": calls, "ns": calls * 2_000_000}, "compute_infer": {}},
        "batch_stats": [
            {
                "batch_size": size,
                "compute_input": {"count": count, "ns": count * size * 500_000},
                "compute_infer": {"count": count, "ns": count * size * 1_000_000},
            }
            for size, count in sizes.items()
        ],
    }


def test_what_was_done_is_the_difference_of_two_readings() -> None:
    before, after = parse_statistics([entry(2, {1: 2})]), parse_statistics([entry(12, {1: 4, 8: 2})])
    assert after.since(before).to_dict() == {
        "calls": 10,
        "texts": 18,
        "executions": 4,
        "mean_batch_texts": 4.5,
        "mean_call_texts": 1.8,
        "mean_queue_ms": pytest.approx(2.0),
        "sizes": {"1": 2, "8": 2},
        "batch_ms": {"1": pytest.approx(1.5), "8": pytest.approx(12.0)},
    }
    nothing = before.since(before).to_dict()
    assert (nothing["mean_batch_texts"], nothing["mean_queue_ms"], nothing["sizes"], nothing["batch_ms"]) == (None, None, {}, {})


def test_versions_are_taken_together_and_what_triton_leaves_out_is_zero() -> None:
    both = parse_statistics([entry(2, {1: 2}), entry(3, {1: 1, 2: 1}), {"name": "topics", "version": "3"}])
    assert (both.calls, both.texts, both.executions) == (5, 5, 4)
    assert both.batches == {1: Batches(3, pytest.approx(0.0045)), 2: Batches(1, pytest.approx(0.003))}
    assert parse_statistics([]).to_dict()["executions"] == 0
