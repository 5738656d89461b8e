import pytest
from measured_units import features_of

from gateway.experiments.definition import read
from gateway.measurement.features import FEATURES, Seen
from gateway.measurement.layout import MILLIONTHS, layout_of

VARIANTS = [{"name": "control", "version": 1, "weight": 0.5}, {"name": "treatment", "version": 2, "weight": 0.5}]


def layout(*metrics, **fields):
    return layout_of(read({"key": "topics", "model": "topics", "variants": VARIANTS, "metrics": list(metrics), **fields}))


def metric(layout, name="m"):
    [found] = [one for one in layout.metrics if one.name == name]
    return found


def value(layout, index):
    """What stands at an index of a unit's values: a feature's name, or a slot."""
    return FEATURES[index] if index < len(FEATURES) else layout.slots[index - layout.features]


def test_without_metrics_the_features_are_kept():
    found = layout()
    assert [one.name for one in found.sums] == list(FEATURES)
    assert (found.size, found.metrics, found.slots) == (len(FEATURES), (), ())


@pytest.mark.parametrize(
    ("given", "x", "y", "indicator"),
    [
        ({"kind": "binary"}, ("m", "flag"), None, True),
        ({"kind": "mean"}, ("m", "total"), None, False),
        ({"kind": "ratio"}, ("m", "total"), ("m", "count"), False),
        ({"kind": "ratio", "denominator": "visits"}, ("m", "total"), ("visits", "total"), False),
        ({"kind": "share-over-threshold", "threshold": 2.5}, ("m", "flag"), None, True),
    ],
)
def test_outcomes_have_slots_for_their_kind(given, x, y, indicator):
    found = layout({"name": "m", **given})
    one = metric(found)
    slots = [None if index is None else (value(found, index).outcome, value(found, index).kind) for index in (one.x, one.y)]
    assert (slots, one.indicator) == ([x, y], indicator)


@pytest.mark.parametrize(
    ("given", "x", "y"),
    [
        ({"name": "errors", "kind": "binary"}, "errors", None),
        ({"name": "errors", "kind": "ratio"}, "errors", "requests"),
        ({"name": "triton_seconds", "kind": "ratio"}, "triton_seconds", "computed"),
        ({"name": "bypass_slow", "kind": "ratio"}, "bypass_slow", "bypass_requests"),
        ({"name": "hits", "kind": "ratio", "denominator": "requests"}, "hits", "requests"),
        ({"name": "late", "kind": "share-over-threshold"}, "slow", None),
    ],
)
def test_metrics_of_requests_are_their_features(given, x, y):
    found = layout({"source": "request", **given})
    one = metric(found, given["name"])
    assert (FEATURES[one.x], one.y and FEATURES[one.y]) == (x, y and "requests") or (FEATURES[one.x], FEATURES[one.y]) == (x, y)
    assert found.slots == ()


def test_latency_counts_in_the_bypass_sample_where_there_is_one():
    over = {"name": "late", "kind": "share-over-threshold", "source": "request"}
    assert FEATURES[metric(layout(over, cache_bypass=0.1), "late").x] == "bypass_slow"
    found = layout(over | {"threshold": 0.5}, cache_bypass=0.1)
    assert (found.thresholds_s, metric(found, "late").x) == ((0.5,), len(FEATURES))
    cached, computed = (features_of(Seen(0.7, bypass=bypass), found.thresholds_s, sampled=found.sampled) for bypass in (False, True))
    assert (cached[-1], computed[-1]) == (0, 1)


def test_a_metric_that_requests_do_not_have_is_said_to_be_unmeasured():
    found = layout({"name": "smiles", "kind": "mean", "source": "request"}, {"name": "errors", "kind": "mean", "source": "request"})
    assert [one.name for one in found.metrics] == ["errors"]
    assert "requests have no smiles; they have requests, slow" in found.unmeasured["smiles"]


def test_values_are_whole_millionths_and_caps_too():
    found = layout({"name": "m", "kind": "mean", "cap": 2.5}, {"name": "errors", "kind": "mean", "source": "request", "cap": 3})
    assert (metric(found).cap, metric(found, "errors").cap) == (2_500_000, 3)
    assert (metric(found).scales[0], metric(found, "errors").scales[0]) == (MILLIONTHS, 1)
    [(_, amount, flag, window)] = found.outcome("m", 0.1)
    assert (amount, flag, window) == (100_000, 0, 0)


def test_an_outcome_that_changes_nothing_names_no_value():
    found = layout({"name": "m", "kind": "binary"}, {"name": "n", "kind": "share-over-threshold", "threshold": 2})
    assert [bool(found.outcome(*given)) for given in (("m", 1), ("m", 0), ("n", 2.1), ("n", 2), ("o", 1))] == [1, 0, 1, 0, 0]
    assert [found.takes(name) for name in "mno"] == [True, True, False]


@pytest.mark.parametrize(("windows", "seconds"), [([], 86_400), (["24h"], 10_800), (["24h", "1h"], 450), (["10s"], 60), (["90d"], 86_400)])
def test_cohorts_are_an_eighth_of_the_shortest_window(windows, seconds):
    found = layout(*({"name": f"m{i}", "kind": "binary", "window": window} for i, window in enumerate(windows)))
    assert found.cohort_s == seconds


def test_what_is_measured_otherwise_has_another_digest():
    shapes = [
        layout(),
        layout({"name": "m", "kind": "binary"}),
        layout({"name": "m", "kind": "binary", "window": 60}),
        layout({"name": "n", "kind": "binary"}),
        layout({"name": "m", "kind": "binary"}, cache_bypass=0.1),
    ]
    assert len({one.digest for one in shapes}) == len(shapes)


def test_what_does_not_change_what_is_measured_keeps_the_digest():
    plain = {"name": "m", "kind": "binary"}
    one = layout(plain)
    others = [layout(plain | {"direction": "decrease", "margin": 0.1}), layout(plain, coverage=0.1), layout(plain, planned_units=7)]
    assert {other.digest for other in others} == {one.digest}
