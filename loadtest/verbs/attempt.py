"""A measurement that may go wrong: what there is to report then."""

from collections.abc import Callable
from typing import NamedTuple

from loadtest.arrivals.recorded import TraceError
from loadtest.generator.measure import GeneratorError
from loadtest.results.figures import plural
from loadtest.results.measurement import Generators, Measurement
from loadtest.results.progress import Progress
from loadtest.results.recording import Recording
from loadtest.scenario.scenario import Scenario
from loadtest.target.client import NoAnswerError
from loadtest.target.readiness import TargetError
from loadtest.workload.workload import WorkloadError


class Attempt(NamedTuple):
    """A measurement, whole or as far as it came.

    `problem` says in a sentence why it is not what was asked for, and is empty where all went well.
    """

    measurement: Measurement
    problem: str


def attempt_measurement(
    scenario: Scenario, on_progress: Callable[[Progress], None], measure: Callable[[Callable[[Progress], None]], Measurement]
) -> Attempt:
    """Measure, and where that fails give how far it had come.

    `measure` is given the listener that it reports its progress to.
    """
    heard = Progress(0.0, 0, 0)

    def hear(progress: Progress) -> None:
        nonlocal heard
        heard = progress
        on_progress(progress)

    def nothing(*, interrupted: bool) -> Measurement:
        return Measurement(Recording(), heard.elapsed_s, Generators(), interrupted, scenario.server)

    try:
        measurement = measure(hear)
    except (NoAnswerError, TargetError, TraceError, WorkloadError) as exc:
        return Attempt(nothing(interrupted=False), str(exc))
    except GeneratorError as exc:
        lost = (
            f" It had come to {plural(heard.requests, 'request')} in {heard.elapsed_s:.1f} s, and took what it saw along."
            if heard.requests
            else ""
        )
        return Attempt(nothing(interrupted=False), f"{exc}{lost}")
    except KeyboardInterrupt:
        return Attempt(nothing(interrupted=True), "Ended by hand before anything was measured.")
    if measurement.recording.requests:
        return Attempt(measurement, "")
    return Attempt(measurement, f"No request was answered or failed within {measurement.elapsed_s:.1f} s.")
