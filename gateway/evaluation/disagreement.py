"""Effects among the units whose answers differ between the variants.

Two versions that agree on nine texts of ten make an effect that is real look a tenth as large.
Where each arm's answers are also computed by the other's version, it is known which units were
answered otherwise than they would have been in the other arm: only there can an effect come from.
The rest is an A/A test, in which nothing may differ (Kohavi, Tang, Xu, "Trustworthy Online
Controlled Experiments", 2020, chapter 20).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.evaluation.arms import MeasuredEpoch
from gateway.evaluation.found import Results
from gateway.evaluation.results import Subject, evaluated
from gateway.experiments.definition import Definition
from gateway.experiments.record import Epoch, Record
from gateway.measurement.check import divided
from gateway.measurement.features import DIFFERING, SHADOWED
from gateway.measurement.layout import layout_of
from gateway.measurement.names import Names
from gateway.measurement.unit_record import UnitRecord
from gateway.state.state import State

DIFFER, AGREE, UNKNOWN = range(3)
"""Units of which an answer differs, of which none does, and of which none was compared."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The results among the units whose answers differ, and among those whose answers agree.

    `unknown` units were not compared. `fault` says why effects are not to be trusted, and is else
    empty.
    """

    differ: Results
    agree: Results
    unknown: int
    fault: str

    @property
    def share(self) -> float | None:
        """The share of the compared units whose answers differ; None without any."""
        differ, agree = (sum(one.units for one in results.variants) for results in (self.differ, self.agree))
        return differ / (differ + agree) if differ + agree else None

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "key": self.differ.key,
            "share": self.share,
            "unknown_units": self.unknown,
            "fault": self.fault or None,
            "differ": _document(self.differ),
            "agree": _document(self.agree),
        }


def _document(results: Results) -> dict[str, Any]:
    document = results.document()
    return {name: document[name] for name in ("sentence", "srm", "variants", "metrics")}


def one_sided(definition: Definition) -> str:
    """Why it is not known of each arm what the other would have answered; "" where it is."""
    served = [variant for variant in definition.variants if variant.weight > 0]
    if len({variant.shadow for variant in served}) == 1 and served[0].shadow > 0:
        return ""
    return "each variant must shadow the others with the same share: give all of them the same shadow"


async def disagreement_of(state: State, one: Record | Definition, now: float) -> Disagreement:
    """What differs where answers differ.

    Raises:
        StateUnavailable: state does not answer.
    """
    epochs: Sequence[Epoch]
    if isinstance(one, Definition):
        subject, epochs = Subject(one, "running", 1, None), [Epoch.of(1, 0.0, one)]
    else:
        subject, epochs = Subject(one.definition, one.status, one.epoch, one.started_at, one.stopped_at), one.epochs
    parts = await _divided(state, subject.definition, epochs)
    differ, agree = (_evaluated(subject, parts[part], now) for part in (DIFFER, AGREE))
    return Disagreement(differ, agree, _units(parts[UNKNOWN]), _fault(subject.definition, differ, agree))


def _evaluated(subject: Subject, epochs: Sequence[MeasuredEpoch], now: float) -> Results:
    """The results of one part of the units, with the intervals that are narrowest for so many."""
    definition = subject.definition.model_copy(update={"planned_units": max(1, _units(epochs))})
    return evaluated(replace(subject, definition=definition), layout_of(definition), epochs, 1.0, now)


def _units(epochs: Sequence[MeasuredEpoch]) -> int:
    return sum(epoch.units(name) for epoch in epochs for name in epoch.weights)


async def _divided(state: State, definition: Definition, epochs: Sequence[Epoch]) -> list[list[MeasuredEpoch]]:
    parts: list[list[MeasuredEpoch]] = [[], [], []]
    for epoch in epochs:
        layout = layout_of(definition, tuple(epoch.weights))
        sums = await divided(state, Names.of(definition.key, epoch.number, layout), layout, len(parts), _part_of)
        for part, found in zip(parts, sums, strict=True):
            part.append(MeasuredEpoch(epoch.number, epoch.weights, found))
    return parts


def _part_of(record: UnitRecord) -> int:
    if record.values[DIFFERING]:
        return DIFFER
    return AGREE if record.values[SHADOWED] else UNKNOWN


def _fault(definition: Definition, differ: Results, agree: Results) -> str:
    if fault := one_sided(definition):
        return fault
    if not differ.sample_ratio.ok:
        return "among the units whose answers differ, the split does not fit the weights: whether answers differ depends on the arm"
    for metric in agree.metrics:
        for one in metric.comparisons:
            if one.decision in ("better", "worse"):
                return f"{metric.name} differs where answers agree, and nothing can: something else differs between the arms"
    return ""
