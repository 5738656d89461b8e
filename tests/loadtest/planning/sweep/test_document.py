from pathlib import Path
from typing import Any

import pytest
import yaml

from loadtest.planning.sweep.configuration import configurations
from loadtest.planning.sweep.document import Document, parse_document, read_document
from loadtest.planning.sweep.errors import SweepError

LEAST: dict[str, Any] = {
    "model": "topics", "repository": "models", "corpus": "texts.jsonl", "slo": "p95<100ms", "loads": {"rates_rps": [10]},
}  # fmt: skip
EXAMPLES = sorted((Path(__file__).parents[4] / "loadtest/planning/sweep/examples").glob("*.yaml"))


def document(**fields: Any) -> Document:
    return parse_document(LEAST | fields, "s.yaml")


def names(**fields: Any) -> list[str]:
    return [configuration.name for configuration in configurations(document(**fields))]


def test_without_configurations_the_base_is_the_only_one() -> None:
    (only,) = configurations(document(base={"version": 2, "repeat": 0.3}))
    assert only.knobs.turned() == {"version": 2, "repeat": 0.3}
    assert only.name == "as packaged"


def test_a_grid_is_every_combination_in_the_order_of_its_last_knob_first() -> None:
    assert names(grid={"dynamic_batching": [True, False], "instances": [1, 2]}) == [
        "dynamic_batching=on instances=1",
        "dynamic_batching=on instances=2",
        "dynamic_batching=off instances=1",
        "dynamic_batching=off instances=2",
    ]


def test_several_grids_and_a_list_are_put_together_each_configuration_once() -> None:
    found = names(grid=[{"instances": [1, 2]}, {"workers": [1], "instances": [2]}], configurations=[{"instances": 2}, {"workers": 1}])
    assert found == ["instances=2", "workers=1", "instances=1", "instances=2 workers=1"]


def test_names_tell_only_what_differs() -> None:
    assert names(base={"version": 2}, grid={"repeat": [0, 0.5]}) == ["repeat=0", "repeat=0.5"]


def test_what_means_nothing_beside_another_knob_makes_no_configuration_of_its_own() -> None:
    assert names(grid={"dynamic_batching": [True, False], "queue_delay_us": [0, 500]}) == [
        "dynamic_batching=on queue_delay_us=0",
        "dynamic_batching=on queue_delay_us=500",
        "dynamic_batching=off",
    ]
    assert names(configurations=[{"zipf": {"exponent": 1.0}, "repeat": 0.5}, {"zipf": {"exponent": 1.0}}]) == ["as packaged"]


def test_a_configuration_stands_above_the_base() -> None:
    (found,) = configurations(document(base={"instances": 2, "cache": True}, configurations=[{"name": "lone", "instances": 1}]))
    assert (found.name, found.knobs.turned()) == ("lone", {"instances": 1, "cache": True})


def test_workloads_are_told_apart() -> None:
    found = configurations(document(grid={"repeat": [0, 0.5], "instances": [1]}))
    assert [one.workload for one in found] == ["repeat=0", "repeat=0.5"]
    assert configurations(document())[0].workload == "repeat=0"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"model": ""}, "s.yaml: model: "),
        ({"slo": "p99<50"}, "s.yaml: slo: 'p99<50': a latency needs one of the units"),
        ({"loads": {}}, "s.yaml: loads: give rates_rps, or search, or both"),
        ({"loads": {"rates_rps": [10, 0]}}, "s.yaml: loads.rates_rps[1]: Input should be greater than 0 (it says 0)"),
        ({"loads": {"rates": [1]}}, "s.yaml: loads.rates: no such field"),
        ({"loads": {"search": {"resolution": 2}}}, "s.yaml: loads.search: the resolution must be from 0.005 to 0.5"),
        ({"duration_s": "long"}, "s.yaml: duration_s: Input should be a valid number (it says 'long')"),
        ({"duraton_s": 1}, "s.yaml: duraton_s: no such field"),
        ({"repetitions": 0}, "s.yaml: repetitions: "),
        ({"prices": {"instances": []}}, "s.yaml: prices.instances: "),
        ({"grid": {"instances": 2}}, "s.yaml: grid[0].instances: Input should be a valid list"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(SweepError) as error:
        document(**fields)
    assert str(error.value).startswith(said)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"base": {"instance": 2}}, "base: instance: no such field; there are version, dynamic_batching,"),
        ({"grid": {"instance": [2]}}, "grid.instance: no such field; there are version,"),
        ({"grid": [{"workers": [1]}, {"instances": []}]}, "grid[1].instances: must list at least one value"),
        ({"grid": {"instances": [1, 0]}}, "grid: instances: Input should be greater than or equal to 1 (it says 0)"),
        ({"configurations": [{"instances": True}]}, "configurations[0]: instances: Input should be a valid integer (it says True)"),
        ({"configurations": [{}, {"repeat": 1.5}]}, "configurations[1]: repeat: "),
        ({"configurations": [{"zipf": {"exponent": -1}}]}, "configurations[0]: zipf.exponent: "),
        ({"configurations": [{"settings": {"PORT": 1}}]}, "configurations[0]: settings are variables HEADRACE_…, not 'PORT'"),
        (
            {"configurations": [{"preferred_batch_sizes": [8, 32], "max_batch_size": 16}]},
            "configurations[0]: preferred_batch_sizes must lie between 1 and max_batch_size (16), not 32",
        ),
        ({"configurations": [{"name": "a", "workers": 1}, {"name": "a", "workers": 2}]}, "two configurations are named 'a'"),
        ({"configurations": [{"name": 7}]}, "configurations[0].name: must be text, not 7"),
    ],
)
def test_a_wrong_knob_is_named(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(SweepError) as error:
        configurations(document(**fields))
    assert str(error.value).startswith(said)


def test_paths_are_taken_from_the_files_own_folder(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(yaml.safe_dump(LEAST | {"prices": {"instances": ["aws/c7i.large"], "table": "own.yaml"}}))
    found = read_document(path)
    assert (found.repository, found.corpus) == (str(tmp_path / "models"), str(tmp_path / "texts.jsonl"))
    assert found.prices is not None
    assert found.prices.table == str(tmp_path / "own.yaml")


@pytest.mark.parametrize(("text", "said"), [("- a", "must be a mapping"), ("a: [", "not YAML"), (None, "No such file")])
def test_a_file_that_is_no_sweep_is_refused(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "s.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SweepError, match=said):
        read_document(path)


@pytest.mark.parametrize("path", [path for path in EXAMPLES if "loads:" in path.read_text()], ids=lambda path: path.stem)
def test_the_shipped_examples_can_be_read(path: Path) -> None:
    assert len(configurations(read_document(path))) >= 2


def test_there_are_shipped_examples() -> None:
    assert {"batching", "precision-and-cache"} <= {path.stem for path in EXAMPLES}
