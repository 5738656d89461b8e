"""Effects where answers differ: found with few units, and the rest is an A/A test."""

import random

import pytest

from gateway.evaluation.disagreement import disagreement_of
from gateway.evaluation.looks import results_of
from gateway.experiments.definition import read
from gateway.experiments.placement import unit_hash
from gateway.experiments.record import Epoch, Record
from gateway.fakes.state import FakeState
from gateway.measurement.exposures import Exposures
from gateway.measurement.features import Seen
from gateway.measurement.layout import layout_of
from gateway.measurement.outcomes import Outcome, Outcomes
from gateway.request.placement import Arm

NOW = 1_700_000_000.0
NAMES = ("control", "treatment")


class Bench:
    """An experiment whose units differ now and then, and click by what is set."""

    def __init__(self, shadows=(1.0, 1.0)):
        self.state, self.chance = FakeState(clock=lambda: NOW), random.Random(7)
        variants = [
            {"name": name, "model": "topics", "version": i, "weight": 0.5, "shadow": shadow}
            for i, (name, shadow) in enumerate(zip(NAMES, shadows, strict=True), 1)
        ]
        self.definition = read({"key": "e", "variants": variants, "metrics": [{"name": "click", "kind": "binary"}]})
        self.layout = layout_of(self.definition)
        self.exposures = Exposures(self.state, lambda *_: self.layout, "writer", lambda: NOW)
        self.outcomes = Outcomes(self.state, lambda: {("e", 1): self.layout}, lambda: NOW)
        self.record = Record(self.definition, "running", 1, 1, NOW, NOW, started_at=NOW, epochs=(Epoch.of(1, NOW, self.definition),))

    async def play(self, units, differ=0.1, rates=(0.1, 0.1), effect=0.0, differs_in=NAMES):
        """Units that differ click by the effect more in the treatment; all others by the rates."""
        clicks = []
        for number in range(units):
            unit, at = unit_hash(f"u{number}"), self.chance.randrange(2)
            arm = Arm("e", NAMES[at], 1, unit, True)
            differing = self.chance.random() < differ and NAMES[at] in differs_in
            self.exposures.add([arm], Seen(0.1))
            if number % 50:  # of some nothing was compared
                self.exposures.compared(arm, 3, int(differing))
            if self.chance.random() < rates[at] + effect * (differing and at == 1):
                clicks.append(Outcome(unit, "click", 1.0, f"k{number}", NOW))
        await self.exposures.flush()
        await self.outcomes.add(clicks)

    async def look(self):
        return await disagreement_of(self.state, self.record, NOW)


def click(results):
    [metric] = results.metrics
    return metric.comparisons[0]


async def test_an_effect_is_found_among_the_units_whose_answers_differ():
    bench = Bench()
    await bench.play(4000, differ=0.05, rates=(0.2, 0.2), effect=0.5)
    found = await bench.look()
    assert found.fault == ""
    assert found.share == pytest.approx(0.05, abs=0.01)
    assert found.unknown == 80
    assert click(found.differ).decision == "better"
    assert click(found.agree).decision == "not enough known"
    assert click(found.differ).found.interval.low < 0.5 < click(found.differ).found.interval.high
    # among all units it is a twentieth as large, and there is far less evidence of it
    whole = await results_of(bench.state, bench.record, NOW)
    assert click(found.differ).found.p_value < click(whole).found.p_value / 10
    assert click(whole).found.difference < 0.1
    parts = [sum(one.units for one in part.variants) for part in (found.differ, found.agree)]
    assert sum(parts) + found.unknown == sum(one.units for one in whole.variants) == 4000


async def test_a_difference_where_answers_agree_is_a_fault():
    bench = Bench()
    await bench.play(3000, rates=(0.1, 0.3))
    assert (await bench.look()).fault.startswith("click differs where answers agree")


async def test_units_that_differ_in_one_arm_alone_are_a_fault():
    bench = Bench()
    await bench.play(3000, differs_in=("treatment",))
    found = await bench.look()
    assert "whether answers differ depends on the arm" in found.fault
    assert click(found.differ).decision == "blocked"


@pytest.mark.parametrize("shadows", [(0.0, 1.0), (0.5, 1.0), (0.0, 0.0)])
async def test_where_not_all_variants_shadow_alike_it_is_said(shadows):
    bench = Bench(shadows)
    await bench.play(100)
    assert (await bench.look()).document()["fault"].startswith("each variant must shadow the others with the same share")


async def test_an_experiment_of_the_file_has_it_too():
    bench = Bench()
    await bench.play(200)
    assert (await disagreement_of(bench.state, bench.definition, NOW)).document()["share"] is not None


async def test_nothing_compared_is_nothing_known():
    found = (await Bench().look()).document()
    assert (found["share"], found["unknown_units"], found["differ"]["metrics"][0]["comparisons"][0]["interval"]) == (None, 0, None)
