"""A service level objective as typed on the command line: `p99<50ms,errors<0.1%`. Pure.

slo       = objective *("," objective)
objective = latency ("<" | "<=") number ("us" | "ms" | "s")  |  "errors" ("<" | "<=") number "%"
latency   = "p50" … "p99.99" | "mean"
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

ERRORS, MEAN = "errors", "mean"
LEAST_PERCENTILE, GREATEST_PERCENTILE = Decimal(50), Decimal("99.99")
MS_PER_UNIT = {"us": Decimal("0.001"), "µs": Decimal("0.001"), "ms": Decimal(1), "s": Decimal(1000)}
PERCENT = Decimal(100)
MS_PER_S = 1000
EXAMPLE = "'p99<50ms,errors<0.1%'"

_OBJECTIVE = re.compile(r"(?P<metric>[a-z]+[\d.]*)\s*(?P<sign><=?)\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>%|[a-zµ]*)")


class SloError(ValueError):
    """The text is no SLO, or results lack what the SLO asks for; the message is for the user."""


@dataclass(frozen=True, slots=True)
class Objective:
    """One bound.

    It is of a latency (`p99`, `mean`) in milliseconds, or of `errors` as a share of the requests (0
    to 1).
    """

    metric: str
    bound: float
    inclusive: bool = False

    @property
    def quantile(self) -> float | None:
        """The percentile as a share (`p99.9`: 0.999); None for `mean` and `errors`."""
        return float(Decimal(self.metric[1:]) / PERCENT) if self.metric.startswith("p") else None

    def allows(self, value: float) -> bool:
        """Whether a measured value (ms, or a share of errors) is within the bound."""
        return value <= self.bound if self.inclusive else value < self.bound

    def show(self, value: float) -> str:
        """A value of this metric with its unit: `41.3 ms`, `0.05 %`."""
        if self.metric == ERRORS:
            return f"{value * 100:.3g} %"
        return f"{value:,.0f} ms" if value >= MS_PER_S else f"{value:.4g} ms"

    def __str__(self) -> str:
        number, unit = (Decimal(str(self.bound)) * PERCENT, "%") if self.metric == ERRORS else (Decimal(str(self.bound)), "ms")
        return f"{self.metric}{'<=' if self.inclusive else '<'}{number.normalize():f}{unit}"


@dataclass(frozen=True, slots=True)
class Slo:
    """Objectives that must hold together; `str()` gives text that `parse_slo` reads back."""

    objectives: tuple[Objective, ...]

    def holds(self, results: Mapping[str, Any]) -> bool:
        """Whether results keep every objective.

        `results` has, as in report.json, `latency_ms` and the counts `requests` and `failures`.
        `latency_ms` maps `p50`, `p99_9` or `p99.9`, `mean`, … to ms; it is None where nothing was
        answered, which keeps no latency objective. Only what the SLO asks for is looked up.

        Raises:
            SloError: the results lack what an objective asks for.
        """
        return not self.misses(results)

    def misses(self, results: Mapping[str, Any]) -> list[str]:
        """The objectives that results do not keep, a phrase each (`p99<50ms: 61.2 ms`).

        `results` is as in `holds`.
        """
        missed = []
        for objective in self.objectives:
            value = measured(objective.metric, results)
            if value is None:
                missed.append(f"{objective}: nothing was answered")
            elif not objective.allows(value):
                missed.append(f"{objective}: {objective.show(value)}")
        return missed

    def __str__(self) -> str:
        return ",".join(map(str, self.objectives))


def parse_slo(text: str) -> Slo:
    """The SLO that `text` spells.

    Raises:
        SloError: a part is no objective, a metric or unit is unknown, nothing can keep a bound, or
            a metric is named twice.
    """
    if not text.strip():
        raise SloError(f"An SLO names at least one objective, such as {EXAMPLE}.")
    objectives = tuple(_objective(part.strip()) for part in text.split(","))
    metrics = [objective.metric for objective in objectives]
    for metric in metrics:
        if metrics.count(metric) > 1:
            raise SloError(f"{metric} stands twice in the SLO {text!r}: keep one.")
    return Slo(objectives)


def measured(metric: str, results: Mapping[str, Any]) -> float | None:
    """The value of `metric` in results (see `Slo.holds`): ms, or the share of errors.

    None where nothing was asked or answered.

    Raises:
        SloError: the results lack it.
    """
    if metric == ERRORS:
        try:
            requests, failures = results["requests"], results["failures"]
        except KeyError as exc:
            raise SloError(f"The results say nothing of {exc.args[0]!r}, which the share of errors needs.") from exc
        return failures / requests if requests else None
    if "latency_ms" not in results:
        raise SloError(f"The results say nothing of 'latency_ms', which {metric} needs.")
    latency_ms = results["latency_ms"]
    if latency_ms is None:
        return None
    for name in (metric, metric.replace(".", "_")):
        if name in latency_ms:
            return float(latency_ms[name])
    raise SloError(f"The results hold no {metric}; they hold {', '.join(latency_ms) or 'no latencies'}.")


def _objective(part: str) -> Objective:
    match = _OBJECTIVE.fullmatch(part)
    if match is None:
        raise SloError(f"{part!r} is no objective: write METRIC<BOUND with a unit, such as {EXAMPLE}.")
    metric, number, unit = _metric(match["metric"]), Decimal(match["number"]), match["unit"]
    inclusive = match["sign"] == "<="
    if metric == ERRORS:
        if unit != "%":
            raise SloError(f"{part!r}: errors are a share of the requests; write it with %, such as errors<0.1%.")
        bound = number / PERCENT
        if bound > 1:
            raise SloError(f"{part!r}: more than 100 % of the requests cannot fail.")
    else:
        if unit not in MS_PER_UNIT:
            raise SloError(f"{part!r}: a latency needs one of the units us, ms, s, such as {metric}<50ms.")
        bound = number * MS_PER_UNIT[unit]
    if bound == 0 and not (metric == ERRORS and inclusive):
        raise SloError(f"{part!r}: nothing can keep this bound{'; write errors<=0%' if metric == ERRORS else ''}.")
    return Objective(metric, float(bound), inclusive)


def _metric(name: str) -> str:
    if name in (ERRORS, MEAN):
        return name
    percentile = re.fullmatch(r"p(\d+(?:\.\d+)?)", name)
    if percentile is None:
        raise SloError(f"{name!r} is no metric of an SLO: there are p50 to p99.99, mean and errors.")
    number = Decimal(percentile[1])
    if not LEAST_PERCENTILE <= number <= GREATEST_PERCENTILE:
        raise SloError(f"{name!r}: percentiles go from p50 to p99.99.")
    return f"p{number.normalize():f}"
