"""Ramps: what a look makes of one."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.experiments.definition import Ramp
from gateway.experiments.ramp import NO_TRAFFIC_S, RampLook, RampState, looked_at

RAMP = Ramp.model_validate(
    {
        "steps": [
            {"coverage": 0.01, "minimum_units": 100, "minimum_duration": "10s"},
            {"coverage": 0.25, "minimum_units": 500, "approval": True},
            {"coverage": 1.0},
        ]
    }
)
BEGUN = RampState(0, 1000.0)
SAFE = RampLook(units=200, dropped=0, mismatch="", harm=[], unsafe=[])


def test_a_step_that_is_safe_long_and_full_enough_is_followed_by_the_next():
    after, why = looked_at(RAMP, BEGUN, SAFE, 1010.0)
    assert (after, after.coverage(RAMP)) == (RampState(1, 1010.0, units=200), 0.25)
    assert why == "step 2 of 3, 25%: begun"


@pytest.mark.parametrize(
    ("change", "now", "why"),
    [
        ({}, 1009.0, "1 s more"),
        ({"units": 99}, 1010.0, "1 units more"),
        (
            {"unsafe": ["errors: treatment: not enough is known; about 400 more units would show that it is safe"]},
            1010.0,
            "about 400 more units",
        ),
        ({"mismatch": "the units' split does not fit the weights (p = 1e-05)"}, 1010.0, "held, since the units' split"),
        ({"dropped": 3}, 1010.0, "held, since 3 exposures of this step were dropped"),
        ({"units": 0}, 1000.0 + NO_TRAFFIC_S, "held, since no units have come"),
    ],
)
def test_a_step_waits_and_says_for_what(change, now, why):
    after, said = looked_at(RAMP, BEGUN, replace(SAFE, **change), now)
    assert after is BEGUN
    assert said.startswith("step 1 of 3, 1%: ")
    assert why in said


def test_a_step_waits_for_its_approval():
    second, enough = RampState(1, 1000.0, units=200), replace(SAFE, units=900)
    assert looked_at(RAMP, second, enough, 2000.0) == (second, "step 2 of 3, 25%: waits for approval")
    after, _ = looked_at(RAMP, replace(second, approved=True), enough, 2000.0)
    assert (after.step, after.approved) == (2, False)


def test_harm_takes_all_units_back_at_once_and_stays():
    harmed = replace(SAFE, harm=["errors: treatment is harmful"])
    back, why = looked_at(RAMP, BEGUN, harmed, 1000.5)
    assert (back.phase, back.coverage(RAMP), why) == ("rolled back", 0.0, "rolled back: errors: treatment is harmful")
    assert looked_at(RAMP, back, SAFE, 9000.0) == (back, why)


def test_numbers_that_cannot_be_trusted_show_no_harm_either():
    look = replace(SAFE, harm=["errors: treatment is harmful"], mismatch="the units' split does not fit the weights")
    assert looked_at(RAMP, BEGUN, look, 1010.0)[0] is BEGUN


def test_a_ramp_that_is_done_is_still_watched():
    done, why = looked_at(RAMP, RampState(2, 1000.0), SAFE, 1001.0)
    assert (done.phase, done.coverage(RAMP), why) == ("done", 1.0, "all steps are done; guardrails go on being watched")
    assert looked_at(RAMP, done, SAFE, 2000.0)[0] is done
    assert looked_at(RAMP, done, replace(SAFE, harm=["slow: treatment is harmful"]), 2000.0)[0].phase == "rolled back"


LOOKS = st.builds(
    RampLook,
    units=st.integers(0, 2000),
    dropped=st.integers(0, 5),
    mismatch=st.sampled_from(["", "", "the split does not fit"]),
    harm=st.sampled_from([[], [], [], ["harm"]]),
    unsafe=st.sampled_from([[], [], ["not enough is known"]]),
)


@given(st.lists(st.tuples(LOOKS, st.floats(0, 30), st.booleans()), max_size=30))
def test_coverage_rises_step_by_step_only_where_safe_and_never_again_after_harm(looks):
    state, now, units = BEGUN, 1000.0, 0
    for look, passed_s, approved in looks:
        now, units = now + passed_s, units + look.units
        seen = replace(look, units=units)
        before = state = replace(state, approved=state.approved or approved)
        state, why = looked_at(RAMP, before, seen, now)
        assert why
        if state.coverage(RAMP) > before.coverage(RAMP):
            assert state.step == before.step + 1
            assert (look.harm, look.unsafe, look.mismatch) == ([], [], "")
            assert not RAMP.steps[before.step].approval or before.approved
        elif state.phase == "rolled back":
            assert before.phase == "rolled back" or look.harm
        else:
            assert state.coverage(RAMP) == before.coverage(RAMP)
