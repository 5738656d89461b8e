"""Default version, its history, and versions out of service: what stands in `config.pbtxt`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.grpc import model_config_pb2 as pb

from model_repository import config, serving
from model_repository.serving import ServingError


def new():
    return pb.ModelConfig(name="tiny")


def test_without_a_promotion_there_is_no_default_and_nothing_to_go_back_to():
    settings = new()
    assert (serving.default_version(settings), serving.history(settings), serving.out_of_service(settings)) == (None, [], set())
    with pytest.raises(ServingError, match="tiny has no default before the present one; promote the version that you want"):
        serving.rollback(settings)
    assert settings == new(), "looking changes nothing"


@given(st.lists(st.integers(1, 5), max_size=20))
def test_rollbacks_go_back_through_all_promotions(promoted):
    settings, states = new(), [None]
    for version in promoted:
        serving.promote(settings, version)
        if version != states[-1]:
            states.append(version)
    assert serving.default_version(settings) == states[-1]
    for state in reversed(states[:-1]):
        assert serving.rollback(settings) == state
        assert serving.default_version(settings) == state
    assert settings == new()


def test_a_long_history_forgets_its_beginning():
    settings = new()
    for version in range(1, 100):
        serving.promote(settings, version)
    assert serving.history(settings) == list(range(67, 99))


def test_versions_out_of_service_are_left_out_of_the_version_policy():
    settings = new()
    serving.take_out(settings, {2})
    serving.set_version_policy(settings, {1, 2, 3})
    assert list(settings.version_policy.specific.versions) == [1, 3]
    serving.put_back(settings, {2})
    serving.set_version_policy(settings, {1, 2, 3})
    assert settings.version_policy.WhichOneof("policy_choice") == "all"


def test_a_version_out_of_service_stays_out_when_another_is_packaged(manifest):
    one, two, three = (manifest.model_copy(update={"version": version}) for version in (1, 2, 3))
    settings = config.updated(None, {1: one, 2: two})
    serving.promote(settings, 2)
    serving.take_out(settings, {1})
    after = config.updated(settings, {1: one, 2: two, 3: three})
    assert list(after.version_policy.specific.versions) == [2, 3]
    assert serving.default_version(after) == 2


def test_versions_that_are_gone_leave_default_history_and_policy():
    settings = new()
    for version in (1, 2, 1, 3):
        serving.promote(settings, version)
    serving.take_out(settings, {2, 4})
    serving.set_version_policy(settings, {1, 3})
    assert (serving.default_version(settings), serving.history(settings)) == (3, [None, 1])
    assert serving.out_of_service(settings) == set()
    serving.set_version_policy(settings, {1})
    assert (serving.default_version(settings), serving.history(settings)) == (None, [None, 1])


@pytest.mark.parametrize(
    ("parameter", "text", "message"),
    [
        ("default_version", "two", r"tiny: parameter default_version: 'two' is not a version"),
        ("default_version", "1 2", r"tiny: parameter default_version names 2 versions; leave one"),
        ("default_version_history", "newest 0", r"tiny: parameter default_version_history: '0' is not a version"),
        ("out_of_service", "-1", r"tiny: parameter out_of_service: '-1' is not a version"),
    ],
)
def test_a_parameter_that_is_no_version_is_named(parameter, text, message):
    settings = new()
    settings.parameters[parameter].string_value = text
    with pytest.raises(ServingError, match=message):
        serving.set_version_policy(settings, {1, 2})
