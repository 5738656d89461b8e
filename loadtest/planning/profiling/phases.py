"""The runs that make a capacity profile, one after the other.

Each is an ordinary load test with readings of counters before and after it.

hits alone   1 user, every text a repeat               hit latency at little load
hits         several users, every text a repeat        the gateway's CPU per hit
misses       as many users as Triton has instances     service time of a call,
                                                       the gateway's CPU per miss
batches      the same with 2, 4, 8 … texts a request   seconds of batches by their size
points       open loop at shares of what the misses    latency to check the model with
             allow
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from loadtest.arrivals.process import Poisson
from loadtest.generator.measure import measure_prepared, prepare
from loadtest.observation.contention import ContentionWatch
from loadtest.observation.triton_statistics import Batches, Configuration, difference
from loadtest.planning.profiling.gateway_metrics import GatewayUse
from loadtest.results.progress import OnProgress, ignore
from loadtest.results.results import Results
from loadtest.results.summary import Circumstances, summarize
from loadtest.scenario.loop import ClosedLoop, Loop, OpenLoop
from loadtest.scenario.scenario import Scenario
from loadtest.target.readiness import TargetError
from loadtest.workload.server import OTHER
from loadtest.workload.workload import MAX_BATCH_SIZE, BatchSize, Workload

HIT_USERS = 8
POINT_LOADS = (0.25, 0.5, 0.7)
"""Shares of the rate at which Triton's instances would never be idle."""
SALT_BYTES = 4
NOT_TO_PROFILE = (
    "a profile is of Headrace's gateway, cache and Triton, which `plan` computes with; measure another server with `run` or `search`"
)


@dataclass(frozen=True, slots=True)
class Phase:
    """One run and what the counters did meanwhile.

    Each request had `request_texts` texts. `batches` is empty where no Triton was asked.
    """

    name: str
    results: Results
    before: GatewayUse
    after: GatewayUse
    batches: dict[int, Batches]
    request_texts: int = 1

    @property
    def cpu_s_per_request(self) -> float | None:
        """The gateway's CPU seconds per request; None where it has no such metric."""
        if self.before.cpu_s is None or self.after.cpu_s is None:
            return None
        return (self.after.cpu_s - self.before.cpu_s) / self.results.requests.ended


@dataclass(frozen=True, slots=True)
class Readers:
    """How the counters are read: the gateway's, and Triton's by batch size.

    `triton` is None where its address is not known.
    """

    gateway: Callable[[], GatewayUse]
    triton: Callable[[], dict[int, Batches]] | None


class Phases:
    """Makes the phases.

    `scenario` gives address, workload and headers. Its loop is replaced, and so are its repeats,
    except in `points`. `pids` and `shared_machine` are as of a search's `Trials`.
    """

    def __init__(
        self,
        scenario: Scenario,
        corpus: Sequence[str],
        readers: Readers,
        triton: Configuration,
        around: Circumstances,
        *,
        pids: Sequence[int] = (),
        shared_machine: bool = False,
        on_step: Callable[[str], object] = lambda _: None,
        on_progress: OnProgress = ignore,
    ) -> None:
        self._scenario = scenario
        self._corpus = corpus
        self._readers = readers
        self._triton = triton
        self._around = around
        self._pids = tuple(pids)
        self._shared_machine = shared_machine
        self._on_step = on_step
        self._on_progress = on_progress

    def run(self, seconds: float) -> Iterator[Phase]:
        """All phases but the points, as they end, for `seconds` each (batches: half of that).

        Raises:
            TargetError, NoAnswerError, GeneratorError: a run could not be made, or nothing in it
                was answered well.
            KeyboardInterrupt: ended by hand.
        """
        yield self._phase("hits alone", ClosedLoop(1), self._texts(1.0), seconds)
        yield self._phase("hits", ClosedLoop(HIT_USERS), self._texts(1.0), seconds)
        users = ClosedLoop(self._triton.instances)
        yield self._phase("misses", users, self._texts(0.0), seconds)
        size = 2
        while size <= min(self._triton.max_batch_size, MAX_BATCH_SIZE):
            yield self._phase(f"batches of {size}", users, self._texts(0.0, size), seconds / 2)
            size *= 2

    def points(self, rates_rps: Sequence[float], seconds: float) -> Iterator[Phase]:
        """The scenario's own workload in an open loop at each rate."""
        for rate_rps in rates_rps:
            yield self._phase(f"{rate_rps:,.0f} requests/s", OpenLoop(Poisson(rate_rps)), self._scenario.workload, seconds)

    def _texts(self, repeat: float, batch_size: int = 1) -> Workload:
        return replace(self._scenario.workload, repeat=repeat, zipf=None, trace=None, batch_sizes=(BatchSize(batch_size),))

    def _phase(self, name: str, loop: Loop, workload: Workload, seconds: float) -> Phase:
        scenario = replace(self._scenario, loop=loop, workload=workload, duration_s=seconds, workers=1, salt=secrets.token_hex(SALT_BYTES))
        readers = self._readers
        # the requests that warm the cache do not belong to the phase: counters are read after them
        self._on_step(name)
        scenario = prepare(scenario, self._corpus)
        if scenario.server == OTHER:
            raise TargetError(f"The server at {scenario.url} is not Headrace: {NOT_TO_PROFILE}.")
        batches = readers.triton() if readers.triton else {}
        before = readers.gateway()
        with ContentionWatch(scenario.url, self._pids, shared_machine=self._shared_machine) as contention:
            measurement = measure_prepared(scenario, self._on_progress)
        after = readers.gateway()
        if measurement.interrupted:
            raise KeyboardInterrupt
        if not measurement.recording.answered:
            raise TargetError(f"Not one request was answered well while measuring {name}: {_why(measurement.recording.faults)}.")
        done = difference(readers.triton(), batches) if readers.triton else {}
        results = summarize(scenario, measurement, replace(self._around, contention=contention.found))
        return Phase(name, results, before, after, done, workload.batch_sizes[0].texts)


def _why(faults: dict[tuple[int, str], int]) -> str:
    return "; ".join(fault for _, fault in faults) or "there was none"
