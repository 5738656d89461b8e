"""`config.pbtxt`: what is ours is set anew, what a user edited stays."""

import pytest
from headrace_backend.machine import cores
from tritonclient.grpc import model_config_pb2 as pb

from model_repository import config
from model_repository.manifest import ManifestError


@pytest.fixture
def manifests(manifest):
    return {version: manifest.model_copy(update={"version": version}) for version in (1, 2)}


def test_reading_gives_what_was_written(tmp_path, manifests):
    new = config.updated(None, manifests)
    config.write(tmp_path / config.FILE, new)
    assert config.read(tmp_path / config.FILE) == new
    assert [path.name for path in tmp_path.iterdir()] == [config.FILE]


def test_a_new_configuration_has_text_in_scores_out_and_an_instance_for_each_core(manifests):
    new = config.updated(None, manifests)
    assert (new.name, new.backend, new.max_batch_size) == ("tiny", "headrace", 64)
    assert [(tensor.name, tensor.data_type, list(tensor.dims)) for tensor in new.input] == [
        ("TEXT", pb.TYPE_STRING, [1]),
        ("PARAMETERS", pb.TYPE_STRING, [1]),
    ]
    assert [(tensor.name, tensor.data_type, list(tensor.dims)) for tensor in new.output] == [
        ("SCORES", pb.TYPE_FP32, [-1]),
        ("TOKENS", pb.TYPE_INT32, [1]),
        ("ERROR", pb.TYPE_STRING, [1]),
        ("DIGEST", pb.TYPE_UINT8, [32]),
    ]
    assert config.instances(new) == cores()
    assert new.parameters["execution_provider"].string_value == "CPUExecutionProvider"


def test_a_gpu_target_asks_for_cuda_and_one_instance(manifest):
    new = config.updated(None, {1: manifest.model_copy(update={"target": "gpu"})})
    assert config.instances(new) == 1
    assert new.parameters["execution_provider"].string_value == "CUDAExecutionProvider"


def test_interactive_requests_go_before_batch_work_and_both_are_refused_where_too_many_wait_or_for_too_long(manifests):
    batching = config.updated(None, manifests).dynamic_batching
    assert (batching.priority_levels, batching.default_priority_level) == (2, 1)
    assert batching.max_queue_delay_microseconds == 0
    for level, (max_requests, timeout_s) in {1: (256, 30), 2: (1024, 600)}.items():
        policy = batching.priority_queue_policy[level]
        assert (policy.max_queue_size, policy.default_timeout_microseconds) == (max_requests, timeout_s * 10**6)
        assert (policy.timeout_action, policy.allow_timeout_override) == (pb.ModelQueuePolicy.REJECT, True)


def test_the_warm_up_has_an_empty_text_for_each_input_that_must_be_there(manifest):
    pairs = manifest.model_copy(update={"postprocessing": manifest.postprocessing.model_copy(update={"text_pair": True})})
    [warmup] = config.updated(None, {1: pairs}).model_warmup
    assert {name: (data.data_type, list(data.dims), data.zero_data) for name, data in warmup.inputs.items()} == {
        "TEXT": (pb.TYPE_STRING, [1], True),
        "TEXT_PAIR": (pb.TYPE_STRING, [1], True),
    }


def test_the_manifests_stand_in_the_parameters(manifests):
    assert config.manifests(config.updated(None, manifests)) == manifests


def test_a_users_edits_survive_the_next_version(manifests):
    edited = config.updated(None, {1: manifests[1]})
    edited.max_batch_size = 16
    edited.instance_group[0].count = 5
    edited.dynamic_batching.preferred_batch_size.extend([4, 8])
    edited.dynamic_batching.priority_queue_policy[1].max_queue_size = 100
    del edited.dynamic_batching.priority_queue_policy[2]
    del edited.model_warmup[:]
    edited.parameters["intra_op_threads"].string_value = "2"
    edited.parameters["note"].string_value = "mine"
    new = config.updated(edited, manifests)
    assert (new.max_batch_size, config.instances(new)) == (16, 5)
    assert new.dynamic_batching == edited.dynamic_batching
    assert new.parameters["intra_op_threads"].string_value == "2"
    assert new.parameters["note"].string_value == "mine"
    assert not new.model_warmup
    assert list(config.manifests(new)) == [1, 2]


def test_what_is_ours_is_set_anew(manifests):
    edited = config.updated(None, manifests)
    edited.backend = "python"
    edited.output.add(name="MORE", data_type=pb.TYPE_FP32, dims=[1])
    edited.version_policy.latest.num_versions = 1
    assert config.updated(edited, manifests) == config.updated(None, manifests)


def test_a_version_that_is_gone_leaves_the_parameters(manifests):
    both = config.updated(None, manifests)
    assert list(config.manifests(config.updated(both, {2: manifests[2]}))) == [2]


def test_a_manifest_under_another_versions_name_is_refused(manifests):
    new = config.updated(None, manifests)
    new.parameters["manifest.3"].CopyFrom(new.parameters["manifest.2"])
    with pytest.raises(ManifestError, match=r"tiny: parameter manifest\.3 holds the manifest of version 2"):
        config.manifests(new)


def test_what_is_not_a_configuration_is_refused_with_its_place(tmp_path):
    path = tmp_path / config.FILE
    path.write_text('name: "tiny"\nmax_batch_sise: 4\n')
    with pytest.raises(config.ConfigError, match=r'config\.pbtxt: 2:1 .*"max_batch_sise"'):
        config.read(path)
    path.write_bytes(b"\xff")
    with pytest.raises(config.ConfigError, match=r"config\.pbtxt: "):
        config.read(path)
