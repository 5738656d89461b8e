import pytest

from gateway.request.timing import Timing


def test_laps_of_one_stage_are_added():
    timing = Timing()
    for stage in ("parse", "infer", "parse"):
        timing.lap(stage)
    assert list(timing.stages_s) == ["parse", "infer"]
    assert sum(timing.stages_s.values()) == pytest.approx(timing._lap - timing.started)
