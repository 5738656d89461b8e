"""`precision: auto`: which candidates there are, and which is taken; their times are given."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from export.errors import ExportError
from export.graphs.candidates import Candidate, best, candidates
from export.graphs.choose import choose, table
from export.inputs import Inputs
from export.recipe.precision import packaged_precision
from model_repository.measured import Latency, TriedCandidate

TRIED = [(Candidate("int8"), "int8-dynamic"), (Candidate("int8", "O2"), "int8-dynamic"), (Candidate("fp32"), "fp32")]


def latencies(short_ms: float, long_ms: float) -> tuple[Latency, ...]:
    return (Latency(batch=1, tokens=8, ms=short_ms), Latency(batch=8, tokens=64, ms=long_ms))


def row(failure: str | None = None, times: tuple[Latency, ...] = ()) -> TriedCandidate:
    return TriedCandidate(precision="fp32", latencies=times, failure=failure)


def test_candidates_for_a_cpu_are_both_precisions_plain_and_at_each_level() -> None:
    found = candidates("cpu", optimizable=True)
    assert [str(one) for one in found] == ["int8", "int8 O1", "int8 O2", "int8 O3", "fp32", "fp32 O1", "fp32 O2", "fp32 O3"]
    assert [str(one) for one in candidates("cpu", optimizable=False)] == ["int8", "fp32"]


def test_candidates_for_a_gpu_begin_with_the_default() -> None:
    assert [str(one) for one in candidates("gpu", optimizable=True)] == ["fp16", "fp16 O4", "fp32"]
    assert [str(one) for one in candidates("gpu", optimizable=False)] == ["fp16", "fp32"]


@pytest.mark.parametrize("target", ["cpu", "gpu"])
def test_no_candidate_is_one_that_a_recipe_could_not_name(target, write_recipe, inputs: Callable[..., Inputs]) -> None:
    for one in candidates(target, optimizable=True):
        recipe = inputs(target=target, precision=one.precision, optimization=one.optimization).recipe
        assert recipe.packaged_precision == packaged_precision(target, one.precision)


def test_the_fastest_over_both_shapes_is_the_best() -> None:
    assert best([row(times=latencies(1, 10)), row(times=latencies(2, 4)), row(times=latencies(3, 3.5))]) == 1


def test_a_candidate_that_fails_is_not_the_best_however_fast() -> None:
    assert best([row("lost the gate", latencies(0.1, 0.1)), row(times=latencies(2, 4))]) == 1


def test_without_times_the_first_that_passes_is_the_best() -> None:
    assert best([row("lost"), row(), row()]) == 1
    assert best([row("lost")]) is None


@pytest.fixture
def build(tmp_path: Path) -> Callable[[Candidate], Path]:
    def build(candidate: Candidate) -> Path:
        if candidate.optimization == "O2":
            raise ExportError("optimization O2 is not possible for mystery")
        path = tmp_path / f"{candidate}.onnx"
        path.write_bytes(b"x" * (100 if candidate.precision == "int8" else 400))
        return path

    return build


def timer(times: Mapping[str, tuple[Latency, ...]]) -> Callable[[Sequence[Path]], list[tuple[Latency, ...]]]:
    return lambda paths: [times[path.stem] for path in paths]


def test_the_table_holds_every_candidate_with_what_was_found(build: Callable[[Candidate], Path]) -> None:
    found = choose(TRIED, build, lambda *_: (0.9, None), timer({"int8": latencies(3, 3), "fp32": latencies(2, 4)}))
    assert found.candidate == Candidate("fp32")
    assert found.graph.stem == "fp32"
    assert found.tried == (
        TriedCandidate(precision="int8-dynamic", size_bytes=100, latencies=latencies(3, 3), quality=0.9),
        TriedCandidate(precision="int8-dynamic", optimization="O2", failure="optimization O2 is not possible for mystery"),
        TriedCandidate(precision="fp32", size_bytes=400, latencies=latencies(2, 4), quality=0.9, chosen=True),
    )
    assert table(found.tried) == [
        "candidate          size  1 x 8 tokens  8 x 64 tokens  quality",
        "int8-dynamic     0.0 MB       3.00 ms        3.00 ms   0.9000",
        "int8-dynamic O2       -             -              -        -  optimization O2 is not possible for mystery",
        "fp32             0.0 MB       2.00 ms        4.00 ms   0.9000  chosen",
    ]


def test_what_loses_the_gate_is_neither_timed_nor_taken(build: Callable[[Candidate], Path]) -> None:
    def judge(graph: Path, candidate: Candidate) -> tuple[float, str | None]:
        return (0.5, "accuracy fell") if candidate.precision == "int8" else (0.9, None)

    found = choose(TRIED, build, judge, timer({"fp32": latencies(9, 9)}))
    assert found.candidate == Candidate("fp32")
    assert (found.tried[0].quality, found.tried[0].failure) == (0.5, "accuracy fell")


def test_a_candidate_that_cannot_run_is_a_row_with_its_reason(build: Callable[[Candidate], Path]) -> None:
    def judge(graph: Path, candidate: Candidate) -> tuple[float, str | None]:
        if candidate.precision == "int8":
            raise ExportError("no kernel")
        return 0.9, None

    found = choose(TRIED, build, judge, None)
    assert found.tried[0].failure == "no kernel"
    assert found.tried[0].size_bytes == 100
    assert found.candidate == Candidate("fp32")


def test_where_none_passes_all_reasons_are_named(build: Callable[[Candidate], Path]) -> None:
    with pytest.raises(ExportError, match=r"no candidate .* passes: int8: bad; int8 O2: optimization O2 .*; fp32: bad"):
        choose(TRIED, build, lambda *_: (0.1, "bad"), None)


def test_an_export_measures_all_candidates_and_packages_the_fastest_of_its_own_table(export_once: Callable[..., Any]) -> None:
    exported = export_once(precision="auto")
    manifest = exported.manifest
    assert manifest.candidates
    assert len(manifest.candidates) == 8
    chosen = manifest.candidates[best(manifest.candidates) or 0]
    assert chosen.chosen
    assert sum(one.chosen for one in manifest.candidates) == 1
    assert (manifest.precision, manifest.sizes.packaged_bytes) == (chosen.precision, chosen.size_bytes)
    assert all(len(one.latencies) == 2 and one.latencies[0].ms > 0 for one in manifest.candidates if one.passes)
    assert [one.batch for one in chosen.latencies] == [1, 8]
    assert manifest.measured_provider == "CPUExecutionProvider"
    assert "of 8 that passes" in exported.printed


def test_for_a_gpu_that_is_not_there_the_default_is_taken_and_it_is_said(export_once: Callable[..., Any]) -> None:
    exported = export_once(precision="auto", target="gpu")
    manifest = exported.manifest
    assert manifest.precision == "fp16"
    assert manifest.candidates
    assert [one.precision for one in manifest.candidates] == ["fp16", "fp16", "fp32"]
    assert all(not one.latencies for one in manifest.candidates)
    assert "NOT TIMED, for there is no GPU here: fp16" in exported.printed
    assert manifest.measured_provider == "CPUExecutionProvider"
