"""Results as text: made of what the gateway documents that it answers."""

from gateway.experiments.results_text import disagreement_shown, shadows_shown, shown
from gateway.routes.documentation.experiments import DISAGREEMENT, RESULTS, SHADOWS

FOUND = RESULTS[200]["content"]["application/json"]["example"]
METRIC = FOUND["metrics"][0]
UNKNOWN = {**METRIC["comparisons"][0], "interval": None, "difference": None, "p_value": None, "sentence": "nothing is known yet"}


def test_the_sentence_comes_first_and_each_metric_has_its_numbers():
    lines = list(shown(FOUND))
    assert lines[0] == f"topics-lora is running, in epoch 1: {FOUND['sentence']}"
    assert "split: fits the weights (p = 1)" in lines
    assert "click (goal, binary, higher is better)" in lines
    assert "    difference +0.021, from +0.004 to +0.038; p = 0.01; confidence sequence" in lines


def test_a_mismatch_is_loud_and_says_where_it_may_come_from():
    lines = list(shown({**FOUND, "srm": {"ok": False, "p_value": 1e-6, "causes": ["bots"]}}))
    assert "split: DOES NOT FIT THE WEIGHTS (p = 1e-06)" in lines
    assert "  it may come from: bots" in lines


def test_what_is_planned_what_the_ramp_waits_for_and_open_ends():
    planned = {"have": 100, "units": 10_000, "units_per_day": 200.0, "days_left": 49.5}
    open_ended = {**METRIC, "comparisons": [{**METRIC["comparisons"][0], "interval": [0.004, None]}]}
    lines = list(shown({**FOUND, "planned": planned, "ramp": "step 1 of 2, 20%: 5 units more", "metrics": [open_ended]}))
    assert "planned: 100 of 10,000 units, which takes 49.5 more days at this pace" in lines
    assert "ramp: step 1 of 2, 20%: 5 units more" in lines
    assert any("from +0.004 to anything" in line for line in lines)


def test_requests_of_which_nothing_is_known_take_one_line():
    lines = list(shown({**FOUND, "requests": [{**METRIC, "name": "sheds", "comparisons": [UNKNOWN]}, {**METRIC, "name": "items"}]}))
    assert lines[-1] == "of requests nothing differs, or nothing was counted: sheds"
    assert any(line.startswith("items (") for line in lines)


def test_a_fixed_horizon_says_for_how_many_looks_it_holds():
    horizon = {"difference": 0.02, "interval": [0.01, 0.03], "relative": 0.1, "relative_interval": [0.05, 0.15], "p_value": 0.002}
    metric = {**METRIC, "comparisons": [{**METRIC["comparisons"][0], "fixed_horizon": horizon}]}
    assert "    for one look at the planned end: +0.02, from +0.01 to +0.03; p = 0.002" in list(shown({**FOUND, "metrics": [metric]}))


def test_a_metric_that_is_not_measured_says_why():
    metric = {**METRIC, "comparisons": [], "variants": [], "unmeasured": "requests have no smiles"}
    assert "  not measured: requests have no smiles" in list(shown({**FOUND, "metrics": [metric]}))


def test_shadows_are_a_sentence_each_and_what_became_of_the_requests():
    found = SHADOWS[200]["content"]["application/json"]["example"]["shadows"]
    assert list(shadows_shown(found)) == [found[0]["sentence"], "  requests: 4,200 compared, 12 dropped, 0 failed"]
    assert list(shadows_shown([])) == ["no version shadows another here, or nothing was asked yet"]


def test_both_parts_of_a_disagreement_have_their_sentence():
    found = DISAGREEMENT[200]["content"]["application/json"]["example"]
    lines = list(disagreement_shown(found))
    assert lines[0] == "8.0% of the compared units have an answer that differs; 12 units were not compared"
    assert lines[1:] == [f"where answers differ: {found['differ']['sentence']}", f"where they agree: {found['agree']['sentence']}"]
    assert next(disagreement_shown({**found, "share": None})).startswith("no unit was compared; ")
