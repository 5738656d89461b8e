"""What a configuration's parameters say of threads, providers and budgets.

This machine decides where they say `auto`.
"""

import os
from dataclasses import replace

import pytest
from headrace_backend.machine import cores
from headrace_backend.placement import MAX_LONE_TEXT_THREADS, Placement, PlacementError

AFFINITY = len(os.sched_getaffinity(0))


def test_a_placement_is_read_from_the_configurations_parameters():
    parameters = {
        "execution_provider": "CUDAExecutionProvider",
        "device_id": "3",
        "intra_op_threads": "8",
        "allow_spinning": "1",
        "io_binding": "0",
        "cost_budget_seconds": "2.5",
        "lone_text_threads": "6",
        "manifest.1": "{}",
    }
    assert Placement.from_parameters(parameters, instances=4) == Placement("CUDAExecutionProvider", 3, 8, True, False, 2.5, 6)


@pytest.mark.parametrize("parameters", [{}, dict.fromkeys(("intra_op_threads", "allow_spinning", "io_binding"), "auto")])
def test_auto_shares_the_cores_among_the_instances_without_spinning_and_leaves_binding_to_be_tried(parameters):
    alone = Placement.from_parameters(parameters, instances=1)
    assert replace(alone, lone_text_threads=1) == Placement("CPUExecutionProvider", 0, cores(), allow_spinning=False, io_binding=None)
    assert Placement.from_parameters(parameters, instances=cores()).intra_op_threads == 1
    assert Placement.from_parameters(parameters, instances=100 * cores()).intra_op_threads == 1


def test_lone_texts_get_the_cores_of_a_cpu_and_a_session_of_their_own_where_that_is_more_than_an_instance_has():
    busy = Placement.from_parameters({}, instances=cores())
    assert busy.lone_text_threads == min(cores(), MAX_LONE_TEXT_THREADS)
    if cores() > 1:
        assert busy.for_lone_texts() == replace(busy, intra_op_threads=busy.lone_text_threads, allow_spinning="while running")
    assert Placement.from_parameters({"intra_op_threads": "64"}).for_lone_texts() is None
    assert Placement.from_parameters({"lone_text_threads": "1"}, instances=cores()).for_lone_texts() is None
    assert Placement.from_parameters({"execution_provider": "CUDAExecutionProvider"}, instances=cores()).for_lone_texts() is None


def test_more_instances_than_cores_are_advised_against_on_a_cpu():
    assert Placement().advice(instances=cores()) is None
    assert f"set count in instance_group of config.pbtxt to {cores()}." in Placement().advice(instances=cores() + 1)
    assert Placement("CUDAExecutionProvider").advice(instances=cores() + 1) is None


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("intra_op_threads", "0", "a whole number from 1 up"),
        ("intra_op_threads", "two", "a whole number from 1 up"),
        ("lone_text_threads", "0", "a whole number from 1 up"),
        ("device_id", "-1", "a whole number from 0 up"),
        ("device_id", "", "a whole number from 0 up"),
        ("allow_spinning", "yes", "one of auto, 0, 1"),
        ("io_binding", "2", "one of auto, 0, 1"),
        ("cost_budget_seconds", "-1", "a number of seconds from 0 up"),
        ("cost_budget_seconds", "nan", "a number of seconds from 0 up"),
        ("cost_budget_seconds", "long", "a number of seconds from 0 up"),
    ],
)
def test_a_value_that_is_none_is_refused_by_name(name, value, expected):
    with pytest.raises(PlacementError, match=f"^Parameter {name} is {value!r}; it must be {expected}.$"):
        Placement.from_parameters({name: value})


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, AFFINITY),
        ({"cpu.max": "max 100000\n"}, AFFINITY),
        ({"cpu.max": "100000 100000\n"}, 1),
        ({"cpu.max": "50000 100000\n"}, 1),  # half a core is still one thread
        ({"cpu.max": "6400000 100000\n"}, min(64, AFFINITY)),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, AFFINITY),
        ({"cpu/cpu.cfs_quota_us": "150000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
    ],
)
def test_a_quota_of_the_control_group_limits_the_cores(tmp_path, files, expected):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cores(tmp_path) == expected
