import pytest

from gateway.request.context import RequestContext


def test_laps_of_one_stage_are_added():
    ctx = RequestContext("id")
    for stage in ("parse", "infer", "parse"):
        ctx.lap(stage)
    assert list(ctx.stages_s) == ["parse", "infer"]
    assert sum(ctx.stages_s.values()) == pytest.approx(ctx._lap - ctx.started)
