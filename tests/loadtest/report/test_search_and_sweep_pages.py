"""The pages of searches and sweeps, from what they found."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape
from sweep_made import PACKAGED, results

from loadtest.__main__ import main
from loadtest.arrivals.process import Poisson
from loadtest.generator.scripted_process import scripted_server
from loadtest.planning.search.bounds import Bounds
from loadtest.planning.search.edge import Estimate
from loadtest.planning.search.summary import SearchSummary
from loadtest.planning.search.trial import Trial, unanswered
from loadtest.planning.sweep.description import Description
from loadtest.planning.sweep.document import parse_document
from loadtest.planning.sweep.findings.capacity import Capacity
from loadtest.planning.sweep.findings.effects import Effect, LatencyChange
from loadtest.planning.sweep.findings.entry import Entry
from loadtest.planning.sweep.findings.loads import Load
from loadtest.planning.sweep.findings.priced_points import PricedPoint
from loadtest.planning.sweep.findings.pricing import Offer, TextsCost
from loadtest.planning.sweep.findings.summary import Definition, SweepSummary
from loadtest.planning.sweep.stack.packaged import Facts
from loadtest.report.charts.labels import Box, place_labels
from loadtest.report.search_page import render_search
from loadtest.report.sweep_page import name_letters, render_sweep
from loadtest.results.provenance import Provenance
from loadtest.results.summary import Circumstances
from loadtest.scenario.loop import OpenLoop
from loadtest.scenario.scenario import Scenario
from loadtest.slo import parse_slo
from loadtest.workload.workload import Target, Workload

MACHINE = {"cpu": "a CPU", "cores": 2, "memory_gib": 4.0, "system": "Linux", "python": "3.11"}
OUTSIDE = r"""(?:src|href)\s*=|url\(|@import|<script|<link|<img|NaN"""


def trial(rate_rps: float, passed: bool | None, p99: float, misses: tuple[str, ...] = ()) -> Trial:
    """A trial with this p99 in ms; `passed` is None where the generator was behind."""
    seen = results(rate_rps, p99 / 1000)
    seen = replace(seen, latency=replace(seen.latency, summary_ms={"p50": p99 / 3, "p95": p99 / 2, "p99": p99}))
    return Trial(rate_rps, passed is True, passed is not None, misses, seen)


def search(**changes: Any) -> SearchSummary:
    trials = (
        trial(50.0, True, 20.0),
        trial(100.0, False, 61.5, ("p99<50ms: 61.5 ms",)),
        trial(90.0, None, 45.0),
        unanswered(200.0),
    )
    fields: dict[str, Any] = {
        "verdict": "90.5 requests/s is the highest rate within p99<50ms (95 % interval 85.2 to 96.1). <b>The rest.</b>",
        "cautions": ("a <i>caution</i>",),
        "outcome": "found",
        "problem": "",
        "slo": parse_slo("p99<50ms"),
        "rate": Estimate(90.5, 85.2, 96.1),
        "safe_rate": Estimate(80.1, 70.0, 90.0),
        "trials": trials,
        "best": None,
        "bounds": Bounds(first_rps=50.0, resolution=0.05),
        "warm_up_s": 2.0,
        "scenario": Scenario(
            url="http://h",
            loop=OpenLoop(Poisson(50.0)),
            workload=Workload(corpus=Path("c"), targets=(Target("topics"),)),
            duration_s=10,
            headers={"Authorization": "Bearer secret"},
        ),
        "around": Circumstances(Provenance("python -m loadtest search", "2026-01-01T00:00:00+00:00", MACHINE)),
    }
    return SearchSummary(**fields | changes)


def test_a_search_shows_each_trial_with_its_outcome_and_the_interval() -> None:
    page = render_search(search())
    assert re.findall(OUTSIDE, page) == []
    assert '<h1 class="good">90.5 requests/s is the highest rate within p99&lt;50ms (95 % interval 85.2 to 96.1).</h1>' in page
    assert "&lt;b&gt;The rest." in page
    assert page.count("<svg") == 2
    assert "90.5 requests/s, 95% interval 85.2 to 96.1</title>" in page
    assert "50 requests/s, p99 20.0 ms, held</title>" in page
    assert "100 requests/s, p99 61.5 ms, missed: p99&lt;50ms: 61.5 ms</title>" in page
    assert "90 requests/s, p99 45.0 ms, generator behind</title>" in page
    assert "trial 4: 200 requests/s, no answer, missed: no request was answered</title>" in page
    assert "SLO p99&lt;50ms" in page
    assert "secret" not in page


@pytest.mark.parametrize(("outcome", "rate", "tone"), [("lowest_fails", None, "bad"), ("interrupted", Estimate(9, 8, 10), "warn")])
def test_a_search_that_found_less_says_so_in_colour(outcome: str, rate: Any, tone: str) -> None:
    page = render_search(search(outcome=outcome, rate=rate, safe_rate=None))
    assert f'<h1 class="{tone}">' in page


def test_a_search_without_an_answer_is_a_page_too() -> None:
    page = render_search(search(rate=None, safe_rate=None, outcome="broken", trials=search().trials[3:], slo=parse_slo("errors<1%")))
    assert "no request was answered" in page
    nothing = render_search(search(rate=None, safe_rate=None, outcome="broken", trials=()))
    assert (nothing.count("<svg"), "<h2>Trials" in nothing, "How it was to be searched" in nothing) == (0, False, True)


def test_one_trial_is_a_row_without_charts() -> None:
    page = render_search(search(rate=None, safe_rate=None, outcome="interrupted", trials=search().trials[:1]))
    assert (page.count("<svg"), page.count("held</td>"), "trial of 10 s, 1 held" in page) == (0, 1, True)


def test_trials_at_one_rate_have_no_order_to_draw() -> None:
    missed = (trial(50.0, False, 80.0), trial(50.0, False, 83.0))
    page = render_search(search(rate=None, safe_rate=None, outcome="lowest_fails", trials=missed))
    assert page.count("<svg") == 1
    assert "shaded" not in page


def test_rates_near_each_other_are_drawn_apart() -> None:
    trials = (trial(50.0, True, 20.0), trial(52.0, True, 45.0), trial(55.0, False, 61.5))
    page = render_search(search(rate=Estimate(52.1, 47.8, 57.5), trials=trials))
    by_rate, by_order = page.split("<svg")[1:3]
    places = [float(x) for x in re.findall(r'<circle class="dot \w+" cx="([\d.]+)"[^>]*><title>', by_rate)]
    assert len(places) == 3
    # of the chart's 960: on an axis from 0 they would lie 70 apart
    assert max(places) - min(places) > 300
    assert ">46</text>" in by_rate
    assert ">50</text>" in by_order


OFFER = Offer("aws/c7i.large", 2.0, 0.08925, None, None, "a list", "2026-01-19")
DOCUMENT = parse_document({"model": "topics", "repository": "r", "corpus": "c", "slo": "p99<50ms", "loads": {"rates_rps": [30]}}, "s.yaml")


def load(rate_rps: float) -> Load:
    return Load(
        rate_rps=rate_rps,
        fixed=True,
        runs=1,
        counted=1,
        passed=1,
        holds=True,
        misses=[],
        sustained=True,
        generator_behind=0,
        disturbed=0,
        requests=300,
        failures=0,
        dropped=0,
        throughput_rps=rate_rps,
        texts_per_s=rate_rps,
        latency_ms=None,
        latency_ms_range=None,
        cache_hit_rate=0.0,
        mean_batch_texts=1.5,
        mean_call_texts=None,
        mean_queue_ms=None,
        batch_sizes={},
        cpu_s_per_request={"gateway": 0.001, "triton": 0.004, "cache": 0.0},
        generator_cpu_share=0.1,
    )


def configuration(name: str, rps: float | None, **changes: Any) -> Entry:
    entry = Entry(
        description=Description(
            name=name,
            knobs={"queue_delay_us": 100},
            workload="repeat=0",
            packaged=Facts(1, precision="int8-dynamic"),
            config_pbtxt='name: "topics"',
            settings={"HEADRACE_JOINING": "off"},
        ),
        state="finished",
        error=None,
        runs=(),
        capacity=None if rps is None else Capacity(rps, 0.9 * rps, 1.1 * rps, 9),
        texts_per_s=rps,
        search=("found",),
        loads=(load(30.0),),
        hit_rate=0.0,
        memory_bytes={"gateway": 2**20, "triton": 2**21, "cache": 2**20},
        over_time=None,
        cost=(TextsCost("aws/c7i.large", 0.25 if rps else None, None),),
    )
    return replace(entry, **changes)


BROKEN = configuration("<new>", None, state="failed", error="It did not start:\n  <why>", loads=(), memory_bytes=None)


def point(name: str, rate_rps: float, latency_ms: float, usd: float | None, front: bool) -> PricedPoint:
    return PricedPoint(name, "repeat=0", rate_rps, latency_ms, 300, usd, front)


def sweep(offers: Sequence[Offer] = (OFFER,), **changes: Any) -> SweepSummary:
    fields: dict[str, Any] = {
        "definition": Definition(DOCUMENT, [], PACKAGED, offers, "python -m loadtest sweep s.yaml"),
        "slo": parse_slo("p99<50ms"),
        "complete": True,
        "interrupted": False,
        "verdict": ("With repeat=0, batching holds p99<50ms at the highest rate: 100 requests/s. Not told apart from it: plain.",),
        "cautions": (),
        "best": {"repeat=0": "batching"},
        "profiles": {},
        "entries": (
            configuration("plain", 80.0),
            configuration("batching", 100.0),
            configuration("<new>", None, state="partial", loads=()),
        ),
        "dominated": frozenset({"plain"}),
        "latency_metric": "p99",
        "points": (
            point("plain", 30.0, 25.0, 0.8, False),
            point("batching", 30.0, 20.0, 0.8, True),
            point("batching", 90.0, 45.0, 0.3, True),
        ),
        "effects": (Effect("joining", True, None, "plain", "batching", 0.25, False, -0.2, (LatencyChange(30.0, 0.1, -0.2),)),),
        "machines": (MACHINE,),
        "versions": ({"triton": "2.51.0"},),
        "started_at": "2026-01-01T00:00:00+00:00",
        "measured_s": 600.0,
    }
    return SweepSummary(**fields | changes)


def test_a_sweep_shows_the_front_with_labels_and_greys_what_is_dominated() -> None:
    page = render_sweep(sweep())
    assert re.findall(OUTSIDE, page) == []
    assert '<h1 class="good">With repeat=0, batching holds p99&lt;50ms at the highest rate: 100 requests/s.</h1>' in page
    assert "Not told apart from it: plain." in page
    assert ">B at 30/s</text>" in page
    assert ">B at 90/s</text>" in page
    assert ">A at 30/s</text>" not in page
    assert page.count('class="dot c1"') == 3  # two on the front, and the legend's
    assert page.count('class="dot faint"') == 2
    assert "plain at 30 requests/s: p99 25.0 ms, 0.8 USD a million texts; 300 requests; dominated</title>" in page
    assert page.count('<tr class="dominated">') == 2
    assert "90 to 110, 9 trials" in page
    assert "+25% (intervals overlap)" in page
    assert "HEADRACE_JOINING=off" in page


@pytest.mark.parametrize(
    ("changes", "tone", "sentence"),
    [
        ({"interrupted": True}, "warn", "Ended by hand before all was measured; the same command goes on."),
        (
            {"entries": (configuration("batching", 100.0), BROKEN), "effects": ()},
            "bad",
            "1 of 2 configurations could not be measured: &lt;new&gt;.",
        ),
    ],
    ids=["interrupted", "failed"],
)
def test_a_sweep_that_went_wrong_says_so_first(changes: dict[str, Any], tone: str, sentence: str) -> None:
    said = (sentence.replace("&lt;", "<").replace("&gt;", ">"), *sweep().verdict)
    page = render_sweep(sweep(verdict=said, **changes))
    assert f'<h1 class="{tone}">{sentence}</h1>' in page
    assert page.index(sentence) < page.index("holds p99&lt;50ms at the highest rate")


def test_why_a_configuration_failed_stands_on_the_page() -> None:
    page = render_sweep(sweep(entries=(configuration("batching", 100.0), BROKEN), effects=()))
    assert "What could not be measured" in page
    assert '<pre class="bad">It did not start:\n  &lt;why&gt;</pre>' in page
    assert "What could not be measured" not in render_sweep(sweep())


def test_a_sweep_without_prices_is_drawn_by_rate() -> None:
    points = (point("batching", 30.0, 20.0, None, True), point("batching", 90.0, 45.0, None, True))
    entries = tuple(replace(entry, cost=()) for entry in sweep().entries)
    page = render_sweep(sweep(offers=(), points=points, entries=entries))
    assert "against rate" in page
    assert ">requests/s</text>" in page


def test_a_sweep_of_which_nothing_is_measured_is_a_page_too() -> None:
    entries = (configuration("plain", None, state="pending", loads=(), memory_bytes=None, hit_rate=None),)
    page = render_sweep(
        sweep(entries=entries, points=(), best={}, verdict=(), effects=(), machines=(), versions=(), complete=False, started_at=None)
    )
    assert "Nothing was measured yet." in page
    assert "not measured yet" in page


@pytest.mark.integration
def test_a_real_search_leaves_its_page(corpus: Path, tmp_path: Path) -> None:
    with scripted_server(latencies_ms=[[5, 1]]) as url:
        needed = ["--url", url, "--model", "topics", "--corpus", str(corpus), "--repeat", "0", "--report", str(tmp_path), "--slo", "p99<2s"]
        bounds = ["--first-rate", "40", "--highest-rate", "80", "--duration", "0.5", "--warm-up", "0", "--shared-machine"]
        assert main(["search", *needed, *bounds]) == 0
    values, page = json.loads((tmp_path / "search.json").read_text()), (tmp_path / "search.html").read_text()
    assert values["outcome"] == "ceiling"
    assert f'<h1 class="good">{escape(values["verdict"].partition(". ")[0])}' in page
    assert page.count("held</td>") == len(values["trials"]) == 2
    assert "The highest trial that held" in page
    assert re.findall(OUTSIDE, page) == []


def test_letters_go_on_after_z() -> None:
    letters = name_letters([str(number) for number in range(30)])
    assert (letters["0"], letters["25"], letters["26"], letters["29"]) == ("A", "Z", "AA", "AD")


def test_labels_cover_neither_each_other_nor_dots() -> None:
    spots = [(100.0 + 7 * number, 100.0) for number in range(8)]
    boxes = place_labels(spots, ["a label"] * 8, Box(0, 0, 300, 200))
    placed = [box for box in boxes if box is not None]
    assert len(placed) >= 4
    for index, box in enumerate(placed):
        assert not any(box.meets(other) for other in placed[index + 1 :])
        assert not any(box.left < x < box.right and box.top < y < box.bottom for x, y in spots)
    assert place_labels([(1.0, 1.0)], ["far too long for so little room"], Box(0, 0, 30, 30)) == [None]
