import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from loadtest.planning.sweep.configuration import Configuration, configurations
from loadtest.planning.sweep.document import parse_document
from loadtest.planning.sweep.errors import SweepError
from loadtest.planning.sweep.jobs import jobs
from loadtest.planning.sweep.knobs import Knobs
from loadtest.planning.sweep.stack.packaged import Facts, PackagedModel, read_model

CONFIG = """
name: "topics"
backend: "headrace"
version_policy { all {} }
max_batch_size: 64
instance_group { count: 2 kind: KIND_CPU }
instance_group { count: 1 kind: KIND_MODEL }
dynamic_batching { priority_levels: 2 default_priority_level: 1 }
parameters { key: "intra_op_threads" value { string_value: "auto" } }
parameters { key: "manifest.1" value { string_value: "{}" } }
parameters { key: "manifest.12" value { string_value: "{}" } }
parameters { key: "signature.12" value { string_value: "s" } }
parameters { key: "default_version" value { string_value: "12" } }
"""
DOCUMENT: dict[str, Any] = {"model": "topics", "repository": "r", "corpus": "c", "slo": "p95<100ms", "loads": {"rates_rps": [10]}}


def manifest(version: int) -> dict[str, Any]:
    return {"version": version, "precision": "fp32", "digest": f"sha256:{version}", "sizes": {"fp32_bytes": 4, "packaged_bytes": 1}}


def model(config: str = CONFIG) -> PackagedModel:
    return PackagedModel(Path("models/topics"), config, {version: Facts.of(version, manifest(version)) for version in (1, 12)})


def parsed(text: str) -> Any:
    return text_format.Parse(text, pb.ModelConfig())


def tuned(config: str = CONFIG, **knobs: Any) -> Any:
    return parsed(model(config).tuned(Knobs(**knobs)))


def test_without_knobs_nothing_changes() -> None:
    assert tuned() == parsed(CONFIG)


def test_batching_goes_and_the_rest_stays() -> None:
    expected = parsed(CONFIG)
    expected.ClearField("dynamic_batching")
    assert tuned(dynamic_batching=False, queue_delay_us=100) == expected


def test_a_queue_delay_keeps_the_priorities() -> None:
    batching = tuned(queue_delay_us=2000, preferred_batch_sizes=[8, 16]).dynamic_batching
    assert (batching.max_queue_delay_microseconds, list(batching.preferred_batch_size)) == (2000, [8, 16])
    assert batching.priority_levels == 2


def test_batching_can_be_turned_on_where_it_was_off() -> None:
    off = CONFIG.replace("dynamic_batching { priority_levels: 2 default_priority_level: 1 }", "")
    assert tuned(off, dynamic_batching=True).HasField("dynamic_batching")
    assert not tuned(off).HasField("dynamic_batching")
    with pytest.raises(SweepError, match="need dynamic_batching: it is off as packaged"):
        tuned(off, queue_delay_us=1)


def test_instances_are_one_group_of_the_first_ones_kind() -> None:
    (group,) = tuned(instances=3).instance_group
    assert (group.count, group.kind) == (3, pb.ModelInstanceGroup.KIND_CPU)
    (made,) = tuned('name: "topics"', instances=1).instance_group
    assert made.count == 1


def test_the_batch_size_and_backend_parameters_are_set() -> None:
    config = tuned(max_batch_size=8, parameters={"intra_op_threads": 1})
    assert (config.max_batch_size, config.parameters["intra_op_threads"].string_value) == (8, "1")
    with pytest.raises(SweepError, match="at most max_batch_size, 64, not 128"):
        tuned(preferred_batch_sizes=[128])


def test_one_version_alone_says_nothing_of_the_others() -> None:
    config = parsed(model().alone(Knobs(version=1)))
    assert list(config.version_policy.specific.versions) == [1]
    assert sorted(config.parameters) == ["intra_op_threads", "manifest.1"]
    assert sorted(parsed(model().alone(Knobs())).parameters) == ["intra_op_threads", "manifest.12", "signature.12"]


def test_a_version_that_is_not_packaged_is_refused() -> None:
    with pytest.raises(SweepError, match=r"version 3 is not packaged in models/topics; there are 1, 12"):
        model().alone(Knobs(version=3))


def test_a_file_that_is_no_configuration_is_refused() -> None:
    with pytest.raises(SweepError, match=r"models/topics/config\.pbtxt: .*nonsense"):
        tuned("nonsense: 1")


def test_a_private_copy_holds_one_version_and_leaves_the_repository_alone(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "topics"
    for version in (1, 12):
        (folder / str(version)).mkdir(parents=True)
        (folder / str(version) / "manifest.json").write_text(json.dumps(manifest(version)))
        (folder / str(version) / "model.onnx").write_text("graph")
    (folder / "config.pbtxt").write_text(CONFIG)
    before = sorted(path for path in folder.rglob("*"))
    (tmp_path / "copy").mkdir()
    read_model(tmp_path / "models", "topics").copy(Knobs(version=1, instances=1), tmp_path / "copy")
    copied = tmp_path / "copy/topics"
    assert sorted(str(path.relative_to(copied)) for path in copied.rglob("*")) == ["1", "1/manifest.json", "1/model.onnx", "config.pbtxt"]
    assert parsed((copied / "config.pbtxt").read_text()).instance_group[0].count == 1
    assert (folder / "config.pbtxt").read_text() == CONFIG
    assert sorted(path for path in folder.rglob("*")) == before


def test_a_repository_without_the_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match=r"the model 'topics' in .* cannot be read: .*No such file"):
        read_model(tmp_path, "topics")
    (tmp_path / "topics").mkdir()
    (tmp_path / "topics/config.pbtxt").write_text(CONFIG)
    with pytest.raises(SweepError, match="no version of 'topics' is packaged"):
        read_model(tmp_path, "topics")


def test_the_gateway_is_told_what_the_knobs_mean() -> None:
    assert Knobs().gateway_settings("topics") == {}
    assert Knobs(joining=False, cache=False, settings={"HEADRACE_MAX_PENDING": 64}).gateway_settings("topics") == {
        "HEADRACE_MAX_IN_FLIGHT": "1024",
        "HEADRACE_CACHE_POLICIES": '{"topics": {"enabled": false}}',
        "HEADRACE_MAX_PENDING": "64",
    }


def keys(corpus: str = "c", packaged: PackagedModel | None = None, knobs: dict[str, Any] | None = None, **fields: Any) -> list[str]:
    document = parse_document(DOCUMENT | fields, "s.yaml")
    found = [Configuration("a", Knobs(**(knobs or {})))]
    return [job.key for job in jobs(document, found, packaged or model(), corpus)]


@pytest.mark.parametrize(
    "changed",
    [
        {"knobs": {"instances": 1}},
        {"knobs": {"version": 1}},
        {"knobs": {"repeat": 0.5}},
        {"corpus": "other"},
        {"packaged": model(CONFIG.replace("count: 2", "count: 4"))},
        {"loads": {"rates_rps": [10, 20]}},
        {"loads": {"rates_rps": [10], "search": {}}},
        {"duration_s": 3},
        {"seed": 2},
        {"generators": 2},
    ],
    ids=str,
)
def test_whatever_decides_a_result_makes_another_key(changed: dict[str, Any]) -> None:
    assert set(keys(**changed)).isdisjoint(keys())


def test_what_decides_no_result_leaves_the_key() -> None:
    assert keys(slo="p99<1s", prices={"instances": ["aws/c7i.large"]}) == keys()
    of_another_version = CONFIG.replace('"manifest.1" value { string_value: "{}"', '"manifest.1" value { string_value: "x"')
    assert keys(packaged=model(of_another_version)) == keys()
    searched = {"loads": {"search": {}}}
    assert set(keys(**searched, slo="p99<1s")).isdisjoint(keys(**searched))


def test_more_repetitions_keep_the_keys_of_those_before() -> None:
    assert keys(repetitions=3)[:1] == keys()
    assert len(set(keys(repetitions=3))) == 3


def test_repetitions_go_round_all_configurations() -> None:
    document = parse_document(DOCUMENT | {"repetitions": 2, "grid": {"instances": [1, 2]}}, "s.yaml")
    found = jobs(document, configurations(document), model(), "c")
    assert [(job.configuration.name, job.repetition) for job in found] == [
        ("instances=1", 0),
        ("instances=2", 0),
        ("instances=1", 1),
        ("instances=2", 1),
    ]
