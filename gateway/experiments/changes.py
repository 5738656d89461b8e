"""What a change of an experiment does to its groups, and what one experiment does to another. Pure.

An arm owns a range of buckets (`assignment.assign`). Other weights shift the ranges, so units
change their arm although key and seed are the same, and what was measured before must not be added
to what is measured after. GrowthBook starts a new phase then.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from gateway.experiments.assignment import Experiment, Variant
from gateway.experiments.snapshot import by_key

_LEAST = 1e-9
"""Smaller shares are rounding errors of the ranges."""


class Moves(NamedTuple):
    """Shares of all units: those that change their arm, leave the experiment, and come into it."""

    changed: float
    left: float
    joined: float


def moves(before: Experiment, after: Experiment) -> Moves:
    """What becomes of the units when `after` takes the place of `before`, with the same seed."""
    stay = changed = 0.0
    for start, end, arm in before.ranges:
        for start_after, end_after, other in after.ranges:
            both = max(0.0, min(end, end_after) - max(start, start_after))
            if arm.name == other.name:
                stay += both
            else:
                changed += both
    covered_before, covered_after = (sum(end - start for start, end, _ in one.ranges) for one in (before, after))
    return Moves(changed, covered_before - stay - changed, covered_after - stay - changed)


def warnings_of(before: Mapping[str, Sequence[Experiment]], after: Mapping[str, Sequence[Experiment]]) -> dict[str, list[str]]:
    """Sentences about the experiments `after`, by key; both mappings are by model."""
    known, now = by_key(before), by_key(after)
    found = {key: _changes(known[key], experiment) for key, experiment in now.items() if key in known}
    for sentence, keys in chain(_equal_seeds(now.values()), _other_controls(after)):
        for key in keys:
            found[key] = [*found.get(key, []), sentence]
    return {key: sentences for key, sentences in found.items() if sentences}


def _changes(before: Experiment, after: Experiment) -> list[str]:
    if before.seed != after.seed:
        return []
    found = []
    moved = moves(before, after)
    if max(moved.changed, moved.left) > _LEAST:
        found.append(f"{moved.changed:.1%} of all units change their arm, {moved.left:.1%} leave and {moved.joined:.1%} come in")
    if (before.namespace, before.condition, before.unit_attribute) != (after.namespace, after.condition, after.unit_attribute):
        found.append("other units take part, by another namespace, condition or unit attribute")
    versions = {arm.name: _version(arm) for arm in before.variants}
    if other := [arm.name for arm in after.variants if versions.get(arm.name, _version(arm)) != _version(arm)]:
        found.append(f"{', '.join(other)} is answered by another version")
    return [
        f"experiment {after.key}: {what}, while key and seed are the same; count its units apart from those of before, "
        "or give it another key or seed"
        for what in found
    ]


def _equal_seeds(experiments: Iterable[Experiment]) -> Iterator[tuple[str, list[str]]]:
    by_seed: defaultdict[str, list[str]] = defaultdict(list)
    for experiment in experiments:
        by_seed[experiment.seed].append(experiment.key)
    for seed, keys in by_seed.items():
        if len(keys) > 1:
            yield (
                f"experiments {' and '.join(keys)} have the seed {seed}: their arms hold the same units, "
                "so their effects cannot be told apart; give each a seed of its own",
                keys,
            )


def _other_controls(by_model: Mapping[str, Sequence[Experiment]]) -> Iterator[tuple[str, list[str]]]:
    for model, (first, *others) in by_model.items():
        for other in others:
            if _version(other.control) != _version(first.control):
                yield (
                    f"experiments {first.key} and {other.key} on {model} have different controls: units that take part in neither "
                    f"see that of {first.key}, and units of {other.key} count in {first.key} no more; give both the same control",
                    [first.key, other.key],
                )


def _version(variant: Variant) -> tuple[str, int]:
    return variant.model, variant.version
