"""What shadows have shown, made of their counters. Pure but for reading them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.measurement.names import shadow_names
from gateway.shadow.examples import Example, unpack
from gateway.shadow.tally import AFTER, BEFORE, DISTINCT, EDGES, SEPARATOR, TRAFFIC, Pair
from gateway.state.state import State
from gateway.statistics.interval import Interval
from gateway.statistics.wilson import wilson
from gateway.tasks.difference import TOP_K

ALPHA: Final = 0.05
QUANTILES: Final = (0.5, 0.9, 0.99)


@dataclass(frozen=True, slots=True)
class Differences:
    """Of so many items: the share of flips with its interval, and the amounts.

    `flips` is None where no answer can flip. `quantiles` are upper bounds of the amount at 50, 90
    and 99 % of the items. `overlap` is the mean share of the best labels in common.
    """

    items: int
    flips: float | None
    interval: Interval | None
    quantiles: tuple[float, ...]
    overlap: float | None

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "items": self.items,
            "flips": self.flips,
            "flips_interval": self.interval and [self.interval.low, self.interval.high],
            "amount": {f"p{100 * share:g}": value for share, value in zip(QUANTILES, self.quantiles, strict=False)},
            f"top_{TOP_K}_overlap": self.overlap,
        }


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """A version beside one that shadows it; versions as `model/version`.

    `noise` is the answering version beside itself. `latency_s` and `triton_s` are means of requests
    that were computed, of the answering version and of the shadow; `triton_s` is for each item.
    """

    before: str
    after: str
    compared: int
    dropped: int
    failed: int
    traffic: Differences
    distinct: Differences
    noise: Differences
    latency_s: tuple[float | None, float | None]
    triton_s: tuple[float | None, float | None]
    examples: tuple[Example, ...]

    @property
    def sentence(self) -> str:
        """The whole in one sentence."""
        found, noise = self.traffic, ""
        if not found.items:
            return f"{self.after} shadows {self.before}: nothing is compared yet"
        if found.flips is None or found.interval is None:
            return f"{self.after} differs from {self.before} by at most {found.quantiles[-1]:.3g} in 99 % of {found.items:,} items"
        if self.noise.flips is not None:
            noise = f"; {self.before} differs from itself in {self.noise.flips:.2%} of {self.noise.items:,}"
        return (
            f"{self.after} answers {found.flips:.2%} of {found.items:,} items otherwise than {self.before} "
            f"({found.interval.low:.2%} to {found.interval.high:.2%}){noise}"
        )

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "before": self.before,
            "after": self.after,
            "sentence": self.sentence,
            "requests": {"compared": self.compared, "dropped": self.dropped, "failed": self.failed},
            "by_traffic": self.traffic.document(),
            "by_distinct_text": self.distinct.document(),
            "noise": self.noise.document(),
            "latency_ms": {"before": _milli(self.latency_s[0]), "after": _milli(self.latency_s[1])},
            "triton_ms_per_item": {"before": _milli(self.triton_s[0]), "after": _milli(self.triton_s[1])},
            "most_different": [one.document() for one in self.examples],
        }


async def reports_of(state: State, experiment: str) -> list[ShadowReport]:
    """The reports of an experiment's shadows.

    Raises:
        StateUnavailable: state does not answer.
    """
    names = shadow_names(experiment)
    counters, examples = await asyncio.gather(state.hash_items(names.counters), state.hash_items(names.examples))
    counted = {name.decode(): int(value) for name, value in counters.items()}
    pairs = sorted({Pair(*name.split(SEPARATOR)[:2]) for name in counted})
    kept = {name.decode(): tuple(unpack(raw)) for name, raw in examples.items()}
    return [report_of(pair, counted, kept.get(pair.prefix, ())) for pair in pairs if not pair.noise]


def report_of(pair: Pair, counted: Mapping[str, int], examples: tuple[Example, ...] = ()) -> ShadowReport:
    """The report of two versions, of all counters."""

    def requests(result: str) -> int:
        return counted.get(pair.field(TRAFFIC, result), 0)

    return ShadowReport(
        pair.before,
        pair.after,
        compared=requests("compared"),
        dropped=requests("dropped"),
        failed=requests("failed"),
        traffic=_differences(pair, TRAFFIC, counted),
        distinct=_differences(pair, DISTINCT, counted),
        noise=_differences(Pair(pair.before, pair.before), TRAFFIC, counted),
        latency_s=(_mean(pair, BEFORE, "latency", counted), _mean(pair, AFTER, "latency", counted)),
        triton_s=(_mean(pair, BEFORE, "triton", counted), _mean(pair, AFTER, "triton", counted)),
        examples=examples,
    )


def _differences(pair: Pair, weight: str, counted: Mapping[str, int]) -> Differences:
    def of(counter: str) -> int:
        return counted.get(pair.field(weight, counter), 0)

    answers, lists = of("answers"), of("lists")
    amounts = [of(f"amount:{i}") for i in range(len(EDGES))]
    return Differences(
        of("items"),
        of("flips") / answers if answers else None,
        wilson(of("flips"), answers, ALPHA) if answers else None,
        tuple(_quantile(amounts, share) for share in QUANTILES) if of("items") else (),
        of("overlap") / 1e6 / lists if lists else None,
    )


def _quantile(amounts: list[int], share: float) -> float:
    """The upper end of the bin in which so many of the amounts are reached."""
    wanted, reached = share * sum(amounts), 0
    for edge, count in zip(EDGES, amounts, strict=True):
        reached += count
        if reached >= wanted:
            return edge
    return EDGES[-1]


def _mean(pair: Pair, side: str, what: str, counted: Mapping[str, int]) -> float | None:
    requests = counted.get(pair.field(side, "requests"), 0)
    return counted.get(pair.field(side, what), 0) / 1e6 / requests if requests else None


def _milli(seconds: float | None) -> float | None:
    return None if seconds is None else round(1e3 * seconds, 3)
