"""Units as experiments measure them, in any number, and what state takes for them."""

from gateway.experiments.definition import read
from gateway.measurement.exposures import Exposures
from gateway.measurement.features import FEATURES, Seen
from gateway.measurement.layout import layout_of
from gateway.measurement.outcomes import Outcome, Outcomes
from gateway.request.placement import Arm

VARIANTS = ("control", "treatment")
METRICS = [
    {"name": "click", "kind": "binary", "window": "24h"},
    {"name": "spent", "kind": "mean", "window": "24h"},
    {"name": "rating", "kind": "ratio"},
]
DEFINITION = {
    "key": "topics",
    "model": "topics",
    "variants": [{"name": name, "version": i + 1, "weight": 0.5} for i, name in enumerate(VARIANTS)],
    "metrics": METRICS,
    "cache_bypass": 0.1,
}
LAYOUT = layout_of(read(DEFINITION))
T0 = 1_700_000_000


def features_of(seen, thresholds_s=(), **options):
    """The features of a single request."""
    features = [0] * (len(FEATURES) + len(thresholds_s))
    seen.add_to(features, thresholds_s, **options)
    return features


async def expose(state, units, chance):
    """Three requests of each unit, of which one in ten is in the bypass sample."""
    exposures = Exposures(state, lambda *_: LAYOUT, "writer", lambda: T0)
    for start in range(0, len(units), 10_000):
        for unit in units[start : start + 10_000]:
            for _ in range(3):
                seen = Seen(0.02, items=2, hits=1, computed=1, triton_s=chance.lognormvariate(-6, 1), bypass=chance.random() < 0.1)
                exposures.add([Arm("topics", VARIANTS[unit[0] % 2], 1, unit, True)], seen)
        await exposures.flush()


async def post(state, units, chance):
    """An outcome of each metric for each unit."""
    outcomes = Outcomes(state, lambda: {("topics", 1): LAYOUT}, lambda: T0)
    for start in range(0, len(units), 1000):
        some = units[start : start + 1000]
        await outcomes.add([Outcome(unit, "click", 1, f"{unit.hex()} c", T0) for unit in some if chance.random() < 0.3])
        await outcomes.add([Outcome(unit, "spent", round(chance.lognormvariate(2, 1), 2), f"{unit.hex()} s", T0) for unit in some])
        await outcomes.add([Outcome(unit, "rating", chance.randint(1, 5), f"{unit.hex()} r", T0) for unit in some])


async def bytes_of(client, pattern):
    """What all hashes of a pattern take, by MEMORY USAGE."""
    names = [name async for name in client.scan_iter(pattern, count=1000)]
    return sum([await client.memory_usage(name, samples=0) for name in names])
