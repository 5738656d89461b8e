"""Results of experiments whose requests and outcomes went through measurement, against numpy."""

import math
import random
from dataclasses import replace
from hashlib import blake2b

import numpy as np
import pytest

from gateway.evaluation.looks import results_of
from gateway.experiments.definition import read
from gateway.experiments.record import Epoch, Record
from gateway.fakes.state import FakeState
from gateway.measurement.exposures import Exposures
from gateway.measurement.features import Seen
from gateway.measurement.layout import layout_of
from gateway.measurement.outcomes import Outcome, Outcomes
from gateway.request.placement import Arm

T0, HOUR_S = 1_700_000_000, 3_600
METRICS = [
    {"name": "click", "kind": "binary"},
    {"name": "spent", "kind": "mean", "cap": 50},
    {"name": "rating", "kind": "ratio"},
    {
        "name": "slow",
        "kind": "share-over-threshold",
        "source": "request",
        "threshold": 0.5,
        "direction": "decrease",
        "goal": False,
        "margin": 0.05,
    },
    {"name": "errors", "kind": "ratio", "source": "request", "direction": "decrease", "goal": False, "margin": 0.02},
]


def record_of(weights=(0.5, 0.5), metrics=METRICS, **more):
    names = ["control", "treatment", "other"]
    variants = [{"name": names[i], "version": i + 1, "weight": weight} for i, weight in enumerate(weights)]
    definition = read({"key": "topics", "model": "topics", "variants": variants, "metrics": metrics, **more})
    return Record(definition, "running", 1, 3, T0, T0, T0, epochs=(Epoch.of(1, T0, definition),))


class Traffic:
    """Units that ask and have outcomes; `record` is the experiment."""

    def __init__(self, record):
        self.record, self.state, self.now = record, FakeState(), T0
        self._layouts = {("topics", epoch.number): layout_of(record.definition) for epoch in record.epochs}
        self._exposures = Exposures(self.state, lambda key, epoch: self._layouts.get((key, epoch)), "writer", lambda: self.now)
        self._outcomes = Outcomes(self.state, lambda: self._layouts, lambda: self.now)
        self._keys = 0

    async def expose(self, unit, variant, *requests, epoch=1, identified=True):
        for seen in requests or (Seen(0.1),):
            self._exposures.add([Arm("topics", variant, epoch, _hash(unit), identified)], seen)

    async def written(self):
        await self._exposures.flush()

    async def outcomes(self, rows):
        found = []
        for unit, metric, value in rows:
            self._keys += 1
            found.append(Outcome(_hash(unit), metric, value, f"key{self._keys}", self.now))
        await self._outcomes.add(found)

    async def results(self):
        await self.written()
        return await results_of(self.state, self.record, self.now)


def _hash(unit):
    return blake2b(unit.encode(), digest_size=8).digest()


def metric(results, name):
    return next(one for one in (*results.metrics, *results.requests) if one.name == name)


@pytest.fixture
async def played():
    """2,000 units in each arm; treatment clicks and spends more, and is as fast."""
    chance, traffic, values = random.Random(5), Traffic(record_of()), {}
    for i in range(4_000):
        unit, variant = f"unit{i}", ("control", "treatment")[i % 2]
        asked = chance.randint(1, 4)
        seen = [Seen(chance.choice((0.1, 0.9)), items=1, error=chance.random() < 0.01) for _ in range(asked)]
        await traffic.expose(unit, variant, *seen)
        clicks = chance.random() < (0.2, 0.3)[i % 2]
        spent = round(chance.lognormvariate(1 + 0.3 * (i % 2), 1), 2)
        ratings = [chance.randint(1, 5) for _ in range(chance.randint(0, 3))]
        values[unit] = (variant, clicks, min(spent, 50), ratings, seen)
        if i % 1000 == 999:
            await traffic.written()
    await traffic.written()
    await traffic.outcomes([(unit, "click", 1) for unit, (_, clicks, *_) in values.items() if clicks])
    await traffic.outcomes([(unit, "spent", spent) for unit, (_, _, spent, *_) in values.items()])
    await traffic.outcomes([(unit, "rating", rating) for unit, (_, _, _, ratings, _) in values.items() for rating in ratings])
    return traffic, values


async def test_every_number_is_that_of_the_units_themselves(played):
    traffic, values = played
    results = await traffic.results()
    arms = [[one[1:] for one in values.values() if one[0] == name] for name in ("control", "treatment")]
    assert [(one.units, one.requests) for one in results.variants] == [(2_000, sum(len(one[-1]) for one in arm)) for arm in arms]
    for name, column in (("click", 0), ("spent", 1)):
        mine, theirs = (np.array([float(one[column]) for one in arm]) for arm in arms)
        found = metric(results, name)
        assert [one.estimate for one in found.variants] == pytest.approx([mine.mean(), theirs.mean()])
        [comparison] = found.comparisons
        assert comparison.found.difference == pytest.approx(theirs.mean() - mine.mean())
        assert comparison.found.relative == pytest.approx(theirs.mean() / mine.mean() - 1)
        assert comparison.decision == "better"
        half = (comparison.found.interval.high - comparison.found.interval.low) / 2
        error = math.sqrt(mine.var(ddof=1) / len(mine) + theirs.var(ddof=1) / len(theirs))
        # the confidence sequence at 4,000 of 5,000 units reaches 3.0 to 3.1 standard errors
        assert 3.0 < half / error < 3.1
    ratings = [[(sum(one[2]), len(one[2])) for one in arm] for arm in arms]
    found = metric(results, "rating")
    assert [one.estimate for one in found.variants] == pytest.approx([sum(a for a, _ in arm) / sum(b for _, b in arm) for arm in ratings])
    slow = metric(results, "slow")
    shares = [np.mean([any(seen.latency_s > 0.5 for seen in one[-1]) for one in arm]) for arm in arms]
    assert [one.estimate for one in slow.variants] == pytest.approx(shares)
    errors = metric(results, "errors")
    assert [one.estimate for one in errors.variants] == pytest.approx(
        [sum(seen.error for one in arm for seen in one[-1]) / sum(len(one[-1]) for one in arm) for arm in arms]
    )
    assert errors.comparisons[0].guardrail.verdict == "safe"


async def test_the_document_has_the_promised_shape(played):
    traffic, _ = played
    shown = (await traffic.results()).document()
    assert {"key", "status", "epoch", "srm", "variants", "dropped_exposures", "metrics"} <= shown.keys()
    assert {"ok", "p_value"} <= shown["srm"].keys()
    assert all({"name", "units", "requests", "fallbacks"} <= one.keys() for one in shown["variants"])
    for one in shown["metrics"]:
        assert {"name", "kind", "variants", "comparisons"} <= one.keys()
        [comparison] = one["comparisons"]
        assert {"variant", "difference", "interval", "relative", "relative_interval", "p_value", "decision"} <= comparison.keys()
    assert shown["metrics"][0]["comparisons"][0]["sentence"].startswith("treatment is better: +")
    assert shown["sentence"].endswith("4,000 units; you may stop now")


async def test_a_split_that_does_not_fit_blocks_every_conclusion_and_stays_found(played):
    traffic, _ = played
    for i in range(600):
        await traffic.expose(f"more{i}", "control")
    results = await traffic.results()
    assert not results.sample_ratio.ok
    assert {one.decision for found in results.metrics for one in found.comparisons} == {"blocked"}
    assert results.sentence.startswith("nothing can be concluded")
    assert results.sample_ratio.causes
    for i in range(600):  # the missing ones come later
        await traffic.expose(f"late{i}", "treatment")
    again = await traffic.results()
    assert again.sample_ratio.p_value == results.sample_ratio.p_value
    assert again.sample_ratio.chi_square > 0.9


@pytest.mark.parametrize("units", [0, 1, 2, 3])
async def test_too_few_units_say_so(units):
    traffic = Traffic(record_of())
    for i in range(units):
        await traffic.expose(f"unit{i}", ("control", "treatment")[i % 2])
    results = await traffic.results()
    assert {one.decision for found in results.metrics for one in found.comparisons} == {"not enough known"}
    assert results.sample_ratio.ok
    assert sum(one.units for one in results.variants) == units
    assert results.document()["metrics"][0]["comparisons"][0]["interval"] in (None, [-1.0, 1.0])


async def test_values_that_do_not_vary_say_nothing():
    traffic = Traffic(record_of(metrics=[{"name": "spent", "kind": "mean"}]))
    for i in range(40):
        await traffic.expose(f"unit{i}", ("control", "treatment")[i % 2])
    await traffic.written()
    await traffic.outcomes([(f"unit{i}", "spent", 3) for i in range(40)])
    [found] = (await traffic.results()).metrics
    assert [one.estimate for one in found.variants] == [3, 3]
    assert found.comparisons[0].found is None
    assert "nothing is known yet" in found.comparisons[0].sentence


async def test_units_count_when_their_window_is_over():
    traffic = Traffic(record_of(metrics=[{"name": "click", "kind": "binary", "window": HOUR_S}]))
    for i in range(40):
        await traffic.expose(f"unit{i}", ("control", "treatment")[i % 2])
    await traffic.written()
    await traffic.outcomes([(f"unit{i}", "click", 1) for i in range(0, 40, 4)])
    [found] = (await traffic.results()).metrics
    assert [one.units for one in found.variants] == [0, 0]
    traffic.now += 2 * HOUR_S
    [found] = (await traffic.results()).metrics
    assert [(one.units, one.estimate) for one in found.variants] == [(20, 0.5), (20, 0.0)]


async def test_weights_that_change_under_a_trend_show_no_effect():
    """Simpson's paradox: few on treatment on the bad days, many on the good ones."""
    metrics, chance = [{"name": "click", "kind": "binary"}], random.Random(2)
    first = record_of((0.9, 0.1), metrics)
    second = record_of((0.1, 0.9), metrics).definition
    record = replace(first, definition=second, epoch=2, epochs=(*first.epochs, Epoch.of(2, T0 + 1, second)))
    traffic = Traffic(record)
    rows, totals = [], {"control": [0, 0], "treatment": [0, 0]}
    for epoch, rate in ((1, 0.1), (2, 0.5)):
        for i in range(3_000):
            variant = "control" if (i % 10 == 0) != (epoch == 1) else "treatment"
            await traffic.expose(f"unit{epoch}-{i}", variant, epoch=epoch)
            clicked = chance.random() < rate
            totals[variant][0] += clicked
            totals[variant][1] += 1
            if clicked:
                rows.append((f"unit{epoch}-{i}", "click", 1))
        await traffic.written()
    await traffic.outcomes(rows)
    results = await traffic.results()
    pooled = {name: clicks / units for name, (clicks, units) in totals.items()}
    assert pooled["treatment"] - pooled["control"] > 0.2, "who pools the epochs sees a great effect"
    [comparison] = results.metrics[0].comparisons
    assert comparison.decision == "not enough known"
    assert abs(comparison.found.difference) < 0.05
    assert results.epochs == (1, 2)
    assert any("compared within each epoch" in warning for warning in results.warnings)


async def test_harm_to_a_guardrail_is_found():
    traffic = Traffic(record_of())
    for i in range(2_000):
        await traffic.expose(f"unit{i}", ("control", "treatment")[i % 2], Seen(0.1, error=i % 2 == 1 and i % 10 == 1))
    results = await traffic.results()
    [comparison] = metric(results, "errors").comparisons
    assert comparison.guardrail.verdict == "harmful"
    assert comparison.sentence.startswith("treatment is harmful: the harm is at least ")
    assert [one.errors for one in results.variants] == [0, 200]


async def test_a_covariate_makes_the_interval_narrower():
    metrics = [{"name": "spent", "kind": "mean", "covariate": "spent_before"}]
    with_it, without = Traffic(record_of(metrics=metrics)), Traffic(record_of(metrics=[{"name": "spent", "kind": "mean"}]))
    chance = random.Random(3)
    values = [(f"unit{i}", chance.gauss(10, 3)) for i in range(1_200)]
    for traffic in (with_it, without):
        traffic.now = T0
        for i, (unit, _) in enumerate(values):
            await traffic.expose(unit, ("control", "treatment")[i % 2])
        await traffic.written()
        traffic.now = T0 - 10
        await traffic.outcomes([(unit, "spent_before", round(before, 3)) for unit, before in values])
        traffic.now = T0 + 10
        later = random.Random(4)
        await traffic.outcomes([(unit, "spent", round(before + later.gauss(0, 1), 3)) for unit, before in values])
    narrow, wide = [(await traffic.results()).metrics[0].comparisons[0].found.interval for traffic in (with_it, without)]
    assert narrow.high - narrow.low == pytest.approx((wide.high - wide.low) / math.sqrt(10), rel=0.1)


async def test_several_goals_hold_together():
    """Of many goals without any effect, one in twenty would be found by chance without Holm."""
    metrics = [{"name": f"goal{n}", "kind": "mean"} for n in range(4)]
    traffic, chance = Traffic(record_of(metrics=metrics)), random.Random(1)
    for i in range(400):
        await traffic.expose(f"unit{i}", ("control", "treatment")[i % 2])
    await traffic.written()
    for n in range(4):
        await traffic.outcomes([(f"unit{i}", f"goal{n}", round(chance.gauss(1, 1), 3)) for i in range(400)])
    results = await traffic.results()
    raw = sorted(one.comparisons[0].found.p_value for one in results.metrics)
    adjusted = sorted(one.comparisons[0].adjusted_p for one in results.metrics)
    assert adjusted[0] == pytest.approx(min(1, 4 * raw[0]))


async def test_requests_without_a_unit_and_fallbacks_stand_apart():
    traffic = Traffic(record_of())
    for i in range(30):
        await traffic.expose(f"request{i}", "control", Seen(0.1, items=2, hits=1), identified=False)
    await traffic.expose("unit", "treatment", Seen(0.1, items=2, fallback=True))
    results = await traffic.results()
    assert [(one.units, one.anonymous, one.requests, one.fallbacks) for one in results.variants] == [(0, 30, 30, 0), (1, 0, 1, 1)]
    assert results.variants[0].hit_share == 0.5
    assert any("no X-Unit-ID" in warning for warning in results.warnings)
    assert any("looks smaller" in warning for warning in results.warnings)


async def test_the_planned_sample_and_the_days_that_it_takes():
    traffic = Traffic(record_of(planned_units=10_000))
    for i in range(100):
        await traffic.expose(f"unit{i}", ("control", "treatment")[i % 2])
    assert (await traffic.results()).planned.days_left is None
    traffic.now += 12 * HOUR_S
    planned = (await traffic.results()).planned
    assert (planned.have, planned.units_per_day, planned.days_left) == (100, 200.0, pytest.approx(49.5))


async def test_what_cannot_be_measured_says_why():
    traffic = Traffic(record_of(metrics=[{"name": "elephants", "kind": "mean", "source": "request"}]))
    [found] = (await traffic.results()).document()["metrics"]
    assert found["comparisons"] == []
    assert "requests have no elephants" in found["unmeasured"]
