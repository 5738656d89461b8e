import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.slo import Objective, Slo, SloError, measured, parse_slo

percentiles = st.integers(5000, 9999).map(lambda hundredths: f"p{hundredths / 100:g}")
latencies = st.builds(Objective, percentiles | st.just("mean"), st.integers(1, 10**8).map(lambda us: us / 1000), st.booleans())
errors = st.builds(Objective, st.just("errors"), st.integers(1, 10**6).map(lambda millionths: millionths / 10**6), st.booleans())
slos = st.lists(latencies | errors, min_size=1, max_size=5, unique_by=lambda objective: objective.metric).map(lambda many: Slo(tuple(many)))


def results(**latency_ms: float) -> dict[str, object]:
    return {"latency_ms": latency_ms, "requests": 1000, "failures": 1}


@given(slos)
def test_what_is_printed_is_read_back(slo: Slo) -> None:
    assert parse_slo(str(slo)) == slo


@pytest.mark.parametrize(
    ("text", "objective"),
    [
        ("p99<50ms", Objective("p99", 50.0)),
        (" p99.90 <= 1.5s ", Objective("p99.9", 1500.0, inclusive=True)),
        ("p50<800us", Objective("p50", 0.8)),
        ("p50<800µs", Objective("p50", 0.8)),
        ("mean<2ms", Objective("mean", 2.0)),
        ("errors<0.1%", Objective("errors", 0.001)),
        ("errors<=0%", Objective("errors", 0.0, inclusive=True)),
    ],
)
def test_units_become_milliseconds_and_shares(text: str, objective: Objective) -> None:
    assert parse_slo(text).objectives == (objective,)


@pytest.mark.parametrize(("metric", "quantile"), [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999)])
def test_a_percentile_is_an_exact_quantile(metric: str, quantile: float) -> None:
    assert Objective(metric, 1.0).quantile == quantile
    assert Objective("mean", 1.0).quantile is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at least one objective"),
        ("p99<50ms,", "no objective"),
        ("p99>50ms", "no objective"),
        ("p99<50", "one of the units us, ms, s"),
        ("p99<50min", "one of the units"),
        ("p99<5%", "one of the units"),
        ("errors<1ms", "with %"),
        ("errors<101%", "more than 100 %"),
        ("errors<0%", "write errors<=0%"),
        ("p99<0ms", "nothing can keep"),
        ("p42<1ms", "p50 to p99.99"),
        ("p99.999<1ms", "p50 to p99.99"),
        ("median<1ms", "no metric"),
        ("p99<1ms,p99.0<2ms", "p99 stands twice"),
    ],
)
def test_what_is_no_slo_is_said_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(SloError, match=said):
        parse_slo(text)


def test_an_slo_holds_where_every_objective_does() -> None:
    slo = parse_slo("p99<50ms,p99.9<=60ms,errors<0.2%")
    assert slo.holds(results(p99=49.9, p99_9=60.0))
    assert slo.holds({"latency_ms": {"p99": 49.9, "p99.9": 60.0}, "requests": 1000, "failures": 1})
    assert slo.misses(results(p99=50.0, p99_9=60.0)) == ["p99<50ms: 50 ms"]
    assert slo.misses({**results(p99=1.0, p99_9=61.0), "failures": 2}) == ["p99.9<=60ms: 61 ms", "errors<0.2%: 0.2 %"]


def test_nothing_answered_keeps_no_objective() -> None:
    assert parse_slo("p99<50ms,errors<1%").misses({"latency_ms": None, "requests": 0, "failures": 0}) == [
        "p99<50ms: nothing was answered",
        "errors<1%: nothing was answered",
    ]


def test_results_that_do_not_say_what_is_asked_for_are_refused() -> None:
    with pytest.raises(SloError, match=r"no p95; they hold p50, p99"):
        parse_slo("p95<1ms").holds(results(p50=1.0, p99=2.0))
    with pytest.raises(SloError, match="'latency_ms'"):
        measured("mean", {})
    with pytest.raises(SloError, match="'failures'"):
        measured("errors", {"requests": 1})
