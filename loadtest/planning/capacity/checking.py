"""The model against what was measured: predicted and measured latency at measured loads. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.planning.capacity.prediction import Deployment, Load, Prediction
from loadtest.planning.capacity.profile import Point, Profile
from loadtest.slo import Objective, SloError, parse_slo

TOLERANCE = 0.2
LEAST_MARGIN = 0.4
"""What is added to predicted latencies at least, before they are held against an SLO.

The model misses simulated 99th percentiles by up to 15 %, and those of runs of three minutes vary
about the steady state by some 20 % at a load of 0.8 (docs/capacity.md).
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One latency at one measured point, milliseconds.

    `predicted_ms` is None where the model says that the load cannot be carried.
    """

    requests_per_s: float
    hit_rate: float
    metric: str
    measured_ms: float
    predicted_ms: float | None

    @property
    def error(self) -> float | None:
        """How far off the prediction is, as a share of what was measured: 0.1 is 10 % too high."""
        return None if self.predicted_ms is None else self.predicted_ms / self.measured_ms - 1

    @property
    def agrees(self) -> bool:
        """Whether the model misses what was measured by at most 20 %."""
        return self.error is not None and abs(self.error) <= TOLERANCE


def check_points(profile: Profile) -> list[Check]:
    """Each percentile and mean of each measured point beside its prediction.

    Other latencies (`min`, `max`) are passed over.
    """
    return [check for point in profile.points for check in _check(profile, point)]


def margin_of(checks: Sequence[Check]) -> float:
    """What is added to predicted latencies: the greatest miss at a measured point, or the least.

    It is how far a measured latency lies above its prediction, as a share of the prediction.
    """
    misses = (check.measured_ms / check.predicted_ms - 1 for check in checks if check.predicted_ms)
    return max(LEAST_MARGIN, *misses, LEAST_MARGIN)


def greatest_miss(checks: Sequence[Check]) -> Check | None:
    """The check that gives the margin; None where the least one is taken."""
    margin = margin_of(checks)
    return next((check for check in checks if check.predicted_ms and check.measured_ms / check.predicted_ms - 1 == margin), None)


def _check(profile: Profile, point: Point) -> list[Check]:
    load = Load(point.requests_per_s, point.hit_rate, profile.items_per_request)
    prediction = Prediction(profile, load, Deployment(point.gateways, point.triton_replicas))
    checks = []
    for name, measured_ms in point.latency_ms.items():
        objective = _objective(name)
        if objective is not None and measured_ms > 0:
            predicted_ms = None if prediction.overloaded else prediction.latency_ms(objective)
            checks.append(Check(point.requests_per_s, point.hit_rate, objective.metric, measured_ms, predicted_ms))
    return checks


def _objective(name: str) -> Objective | None:
    """`p99_9`, `p99.9` or `mean` as an objective that a prediction can be asked for."""
    try:
        (objective,) = parse_slo(f"{name.replace('_', '.')}<1s").objectives
    except SloError:
        return None
    return objective
