"""The capacity profile of a configuration, measured on a stack of its own.

It is measured as `profile` measures one.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from loadtest.observation.machine import describe_machine
from loadtest.observation.triton_statistics import read_configuration
from loadtest.planning.capacity.profile import ProfileError, checked_profile
from loadtest.planning.profiling.assembly import Subject, assemble
from loadtest.planning.profiling.gateway_metrics import GatewayUse, read_use
from loadtest.planning.profiling.phases import Phases, Readers
from loadtest.planning.sweep.configuration import Configuration
from loadtest.planning.sweep.document import Document
from loadtest.planning.sweep.errors import SweepError
from loadtest.planning.sweep.jobs import workload_of
from loadtest.planning.sweep.measuring import Listeners
from loadtest.planning.sweep.profile_result import ProfileResult
from loadtest.planning.sweep.stack.packaged import PackagedModel
from loadtest.planning.sweep.stack.running import Stack, running_stack
from loadtest.planning.sweep.store import Store
from loadtest.planning.sweep.sweeper import FAULTS
from loadtest.results.provenance import Provenance
from loadtest.results.summary import Circumstances
from loadtest.scenario.loop import ClosedLoop
from loadtest.scenario.scenario import Scenario
from loadtest.target.client import Client

METRICS_PATH = "/metrics"
INSTANCE = "this-machine"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A profile to be measured, known by its key, and the seconds of each of its runs."""

    configuration: Configuration
    key: str
    seconds: float


def run_profiles(
    wanted: Sequence[Wanted], store: Store[ProfileResult], measure: Callable[[Wanted], ProfileResult], *, on_profile: Callable[[str], None]
) -> None:
    """Measure the profiles that the store lacks, or of which it has a failure.

    One that fails is kept as failed. KeyboardInterrupt passes through; what is finished stays.
    """
    for one in wanted:
        if store.is_finished(one.key):
            continue
        on_profile(one.configuration.name)
        try:
            found = measure(one)
        except (*FAULTS, ProfileError) as exc:
            found = ProfileResult(one.key, one.configuration.name, None, error=str(exc))
        store.keep(found)


def measure_profile(
    wanted: Wanted, document: Document, packaged: PackagedModel, corpus: Sequence[str], command: str, listeners: Listeners
) -> ProfileResult:
    """Measure one profile, with one worker of the gateway whatever the configuration has.

    Raises:
        GatewayFailedError: the stack did not start.
        SweepError: it has no Triton.
        NoAnswerError, TargetError, GeneratorError: a run could not be made.
        ProfileError: what was measured is not a whole profile, as without a cache.
        KeyboardInterrupt: ended by hand; nothing of the profile counts.
    """
    name, knobs = wanted.configuration.name, wanted.configuration.knobs
    if knobs.cache is False:
        raise SweepError(f"{name} keeps no answers (cache: off), and a capacity profile tells hits from misses")
    began_s, began, machine = time.monotonic(), datetime.now(UTC), describe_machine()
    workload = workload_of(document, knobs, name)
    around = Circumstances(Provenance(command, began.isoformat(timespec="seconds"), machine))
    with running_stack(packaged, knobs.model_copy(update={"workers": None}), listeners.on_words) as stack:
        with Client(stack.triton) as client:
            configured = read_configuration(client, stack.triton, stack.model)
        readers = Readers(lambda: _gateway_use(stack), lambda: dict(stack.read().batches))
        scenario = Scenario(
            url=stack.gateway.url,
            loop=ClosedLoop(1),
            workload=workload,
            duration_s=wanted.seconds,
            seed=document.seed,
            timeout_s=document.timeout_s,
        )
        phases = []
        measuring = Phases(
            scenario,
            corpus,
            readers,
            configured,
            around,
            shared_machine=document.shared_machine,
            on_step=listeners.on_load,
            on_progress=listeners.on_progress,
        )
        for phase in measuring.run(wanted.seconds):
            phases.append(phase)
            listeners.on_load(f"{phase.name}: {phase.results.throughput.answered_rps:,.1f} requests/s")
    subject = Subject(
        model=document.model,
        instance=INSTANCE,
        cores=float(machine["cores"]),
        command=command,
        measured_on=began.date().isoformat(),
        items_per_request=round(workload.mean_batch_size),
    )
    profile, cautions = assemble(subject, phases, [], configured)
    checked_profile(profile, f"the capacity profile of {name}")
    return ProfileResult(wanted.key, name, profile, tuple(cautions), time.monotonic() - began_s)


def _gateway_use(stack: Stack) -> GatewayUse:
    with Client(stack.gateway.url) as client:
        return read_use(client, stack.gateway.url, METRICS_PATH)
