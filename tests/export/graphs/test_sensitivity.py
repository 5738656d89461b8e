"""The search for layers to keep in fp32, alone and on models that int8 ruins in a known layer."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.__main__ import main
from export.errors import ExportError
from export.graphs.sensitivity import Layer, fewest_kept, most_tries, rank, search, search_seconds
from export.inputs import Inputs
from model_repository.manifest import GRAPH, Manifest

Read = Callable[..., Inputs]


@pytest.fixture
def package(export_to: Callable[..., Manifest], tmp_path: Path) -> Callable[[Inputs], Manifest]:
    return partial(export_to, tmp_path)


@given(count=st.integers(2, 300), data=st.data())
def test_the_fewest_layers_are_found_in_few_tries(count: int, data: st.DataObject) -> None:
    needed, tried = data.draw(st.integers(0, count - 1)), []

    def passes(kept: int) -> bool:
        tried.append(kept)
        return kept >= needed

    assert fewest_kept(count, passes) == needed
    assert len(tried) <= 2 * np.log2(count) + 2
    assert len(set(tried)) == len(tried)


@given(st.integers(2, 300))
def test_where_even_one_layer_in_int8_is_too_much_it_is_said(count: int) -> None:
    with pytest.raises(ExportError, match=f"does not pass even with {count - 1} of {count} layers kept in fp32"):
        fewest_kept(count, lambda kept: False)


def test_layers_are_ranked_by_cost_and_one_that_gives_no_number_first() -> None:
    costs = {"a": 0.1, "b": float("nan"), "c": 0.3}
    ranked = rank([Layer(name, (name,)) for name in costs], lambda layer: costs[layer.name], lambda done, total: None)
    assert [one.layer.name for one in ranked] == ["b", "c", "a"]


def test_progress_goes_on_while_numbers_of_layers_are_tried(tmp_path: Path) -> None:
    layers = [Layer(str(i), (str(i),)) for i in range(20)]
    told: list[tuple[int, int]] = []

    def judge(graph: Path) -> tuple[float, bool]:
        return 0.9, int(graph.name.removeprefix("kept-")) >= 13

    found = search(layers, lambda _, name: tmp_path / name, lambda _: 0.1, judge, lambda done, total: told.append((done, total)))
    assert found.chosen.kept == 13
    assert [done for done, _ in told] == list(range(1, len(layers) + len(found.attempts) + 1))
    assert {total for _, total in told} == {told[0][1]}
    assert told[-1][0] <= told[-1][1]


def operators(graph: Path, layer: str) -> set[str]:
    return {node.op_type for node in onnx.load(graph).graph.node if node.name.startswith(f"/{layer}/")}


def test_the_layer_that_int8_ruins_is_found_and_kept_in_fp32(
    inputs: Read, fragile: Path, evaluation: Path, package: Callable[[Inputs], Manifest], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = package(inputs(checkpoint=str(fragile), evaluation__max_drop=0.12))
    printed = capsys.readouterr().out
    assert "sensitivity   1 of 19 layers stay in fp32: bert/pooler/dense" in printed
    announced = (
        r"int8 does not pass, so now comes a search .*: 19 are quantized one at a time, then up to 12 graphs are judged on 60 examples; "
        r"the other 60 judge what is found\. It may take about \d+ seconds, .* To forbid it: sensitivity: false in the recipe\.\n +sens"
    )
    assert re.search(announced, printed), printed
    found = manifest.sensitivity
    assert found
    assert (found.layers_kept, found.layers[0].layer) == (1, "bert/pooler/dense")
    assert found.layers[0].mean_score_difference > 3 * found.layers[1].mean_score_difference
    assert [(point.layers_kept, point.passes) for point in found.curve] == [(0, False), (1, True)]
    assert found.curve[1].size_bytes > found.curve[0].size_bytes
    assert all(len(point.latencies) == 2 for point in found.curve)
    assert manifest.quality
    assert (manifest.quality.examples, manifest.quality.chosen_on) == (60, 60)
    assert main(["verify", "weather/1", "--repository", str(tmp_path / "repository"), "--evaluation", str(evaluation)]) == 0
    packaged = tmp_path / "repository/weather/1" / GRAPH
    assert manifest.precision == "int8-dynamic"
    assert "MatMulInteger" not in operators(packaged, "bert/pooler")
    assert "MatMulInteger" in operators(packaged, "bert/encoder")


def test_the_layer_with_outlying_weights_is_found(inputs: Read, outlying: Path, package: Callable[[Inputs], Manifest]) -> None:
    found = package(inputs(checkpoint=str(outlying), evaluation__max_drop=0.1)).sensitivity
    assert found
    assert (found.layers_kept, found.layers[0].layer) == (1, "bert/encoder/layer.1/intermediate/dense")


def test_the_layer_with_outlying_weights_is_found_in_static_int8(
    inputs: Read, outlying: Path, evaluation: Path, package: Callable[[Inputs], Manifest]
) -> None:
    manifest = package(inputs(checkpoint=str(outlying), evaluation__max_drop=0.1, target="gpu", calibration={"data": str(evaluation)}))
    assert manifest.precision == "int8-static"
    assert manifest.sensitivity
    assert (manifest.sensitivity.layers_kept, manifest.sensitivity.layers[0].layer) == (1, "bert/encoder/layer.1/intermediate/dense")


def test_the_whole_curve_is_measured_where_the_recipe_asks_for_it(inputs: Read, package: Callable[[Inputs], Manifest]) -> None:
    found = package(inputs(sensitivity=True)).sensitivity
    assert found
    assert [point.layers_kept for point in found.curve] == [0, 1, 2, 4, 8, 16]
    assert found.layers_kept == 0
    sizes = [point.size_bytes for point in found.curve]
    assert sizes[0] < sizes[-1]


def test_the_time_of_a_search_is_that_of_its_graphs_and_of_judging_them() -> None:
    assert search_seconds(20, 2.0, 3.0, 0.25) == pytest.approx(20 * (2.0 + 0.75) + most_tries(20) * 5.0)
    assert search_seconds(20, 2.0, 3.0, 4.0) == pytest.approx(20 * 5.0 + most_tries(20) * 5.0)


def test_what_int8_lost_before_is_not_found_again_on_fewer_examples(tmp_path: Path) -> None:
    layers = [Layer(str(i), (str(i),)) for i in range(8)]
    found = search(layers, lambda _, name: tmp_path / name, lambda _: 0.1, lambda _: (0.9, True), lambda done, total: None, least=1)
    assert (found.chosen.kept, [attempt.passes for attempt in found.attempts]) == (1, [False, True])
