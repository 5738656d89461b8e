"""Trials against a real gateway: warmed up, run and judged."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from loadtest.arrivals.process import Poisson
from loadtest.generator.measure import measure
from loadtest.observation.contention import ContentionWatch
from loadtest.planning.search.trial import Trial, judge, unanswered
from loadtest.results.figures import number
from loadtest.results.progress import Progress, ignore
from loadtest.results.summary import Circumstances, summarize
from loadtest.scenario.loop import OpenLoop
from loadtest.scenario.scenario import Scenario, ScenarioError
from loadtest.slo import Slo

SALT_BYTES = 4


class Trials:
    """Runs `scenario`, an open loop of Poisson arrivals, at the rate that it is called with.

    Each run has a new salt and a new seed, so that it meets no cached text of another and its
    arrivals are a sample of their own. Before each run the same rate is sent for `warm_up_s`
    seconds that do not count. What other work takes of this machine is measured meanwhile: `pids`
    are processes of the system beside those that listen at the address. With `shared_machine`,
    other work is taken for a part of the system.

    Raises:
        ScenarioError: the scenario is no open loop of Poisson arrivals.
    """

    def __init__(
        self,
        scenario: Scenario,
        corpus: Sequence[str],
        slo: Slo,
        around: Circumstances,
        *,
        warm_up_s: float = 2.0,
        pids: Sequence[int] = (),
        shared_machine: bool = False,
        on_step: Callable[[str], object] = lambda _: None,
        on_progress: Callable[[Progress], None] = ignore,
    ) -> None:
        if not isinstance(scenario.loop, OpenLoop) or not isinstance(scenario.loop.arrivals, Poisson):
            raise ScenarioError("a search needs an open loop with Poisson arrivals")
        self._loop: OpenLoop = scenario.loop
        self._scenario = scenario
        self._corpus = corpus
        self._slo = slo
        self._around = around
        self._warm_up_s = warm_up_s
        self._pids = tuple(pids)
        self._shared_machine = shared_machine
        self._on_step = on_step
        self._on_progress = on_progress
        self._made = 0

    def __call__(self, rate_rps: float) -> Trial:
        """Run one trial.

        Raises:
            NoAnswerError, TargetError, GeneratorError, WorkloadError: it could not be run.
            KeyboardInterrupt: it was ended by hand.
        """
        if self._warm_up_s:
            self._on_step(f"{number(rate_rps)} requests/s, warming up")
            warm_up = measure(replace(self._at(rate_rps), duration_s=self._warm_up_s), self._corpus, self._on_progress)
            if warm_up.interrupted:
                raise KeyboardInterrupt
        scenario = self._at(rate_rps)
        self._on_step(f"{number(rate_rps)} requests/s for {scenario.duration_s:g} s")
        around = self._around.begun_at(datetime.now(UTC).isoformat(timespec="seconds"))
        with ContentionWatch(scenario.url, self._pids, shared_machine=self._shared_machine) as contention:
            measurement = measure(scenario, self._corpus, self._on_progress)
        # all trials are of one server: what it is, is asked once
        self._scenario = replace(self._scenario, server=measurement.server)
        if measurement.interrupted:
            raise KeyboardInterrupt
        if not measurement.recording.requests:
            return unanswered(rate_rps)
        results = summarize(scenario, measurement, replace(around, contention=contention.found))
        return judge(rate_rps, results, self._slo)

    def _at(self, rate_rps: float) -> Scenario:
        self._made += 1
        loop = replace(self._loop, arrivals=Poisson(rate_rps))
        return replace(self._scenario, loop=loop, seed=self._scenario.seed + self._made, salt=secrets.token_hex(SALT_BYTES))
