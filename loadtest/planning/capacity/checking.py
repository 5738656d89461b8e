"""The model against what was measured: predicted and measured latency at measured loads. Pure."""

from dataclasses import dataclass

from loadtest.planning.capacity.prediction import Deployment, Load, Prediction
from loadtest.planning.capacity.profile import Point, Profile
from loadtest.slo import Objective, SloError, parse_slo

TOLERANCE = 0.2


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
