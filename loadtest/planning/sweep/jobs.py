"""What is to be measured: every configuration, once a repetition. Pure.

Each job is known by a digest of all that decides its result.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from loadtest.planning.sweep.configuration import Configuration, digest
from loadtest.planning.sweep.document import Document
from loadtest.planning.sweep.errors import SweepError
from loadtest.planning.sweep.knobs import Knobs
from loadtest.planning.sweep.stack.packaged import PackagedModel
from loadtest.scenario import fields as scenario_fields
from loadtest.workload.workload import Workload

MEASURED_WITH = ("model", "duration_s", "warm_up_s", "seed", "generators", "timeout_s", "max_in_flight")


@dataclass(frozen=True, slots=True)
class Job:
    """One measurement of one configuration on a stack of its own; `repetition` counts from 0."""

    configuration: Configuration
    repetition: int
    key: str


def jobs(document: Document, found: Sequence[Configuration], packaged: PackagedModel, corpus_digest: str) -> list[Job]:
    """All jobs: one repetition of every configuration, then the next of every configuration.

    So a machine that drifts, drifts for all configurations alike. Names, prices and the order do
    not decide a result; the SLO does where a search looks for it.

    Raises:
        SweepError: a version is not packaged, or knobs do not fit the model.
    """
    same: dict[str, JsonValue] = document.model_dump(include=set(MEASURED_WITH)) | {"corpus": corpus_digest}
    same["loads"] = document.loads.model_dump()
    if document.loads.search is not None:
        same["slo"] = document.slo
    made = []
    for repetition in range(document.repetitions):
        for configuration in found:
            own = _of_stack(configuration.knobs, packaged) | {"repetition": repetition}
            made.append(Job(configuration, repetition, digest(same | own)))
    return made


def profile_key(document: Document, configuration: Configuration, packaged: PackagedModel, corpus_digest: str) -> str:
    """The digest of all that decides a configuration's capacity profile.

    A profile has its own repeats, and one worker of the gateway.
    """
    knobs = configuration.knobs.model_copy(update={"repeat": None, "zipf": None, "workers": None})
    same: dict[str, JsonValue] = document.model_dump(include={"model", "seed", "timeout_s", "profile"}) | {"corpus": corpus_digest}
    return digest(same | _of_stack(knobs, packaged))


def workload_of(document: Document, knobs: Knobs, where: str) -> Workload:
    """The workload of a configuration; `where` names it in errors.

    Raises:
        SweepError: a workload knob has a value that it cannot have.
    """
    fields = knobs.workload() | {"corpus": document.corpus, "targets": [{"model": document.model}]}
    try:
        return scenario_fields.build(Workload, fields, "")
    except ValueError as exc:
        raise SweepError(f"{where}: {exc}") from exc


def _of_stack(knobs: Knobs, packaged: PackagedModel) -> dict[str, JsonValue]:
    return {
        "knobs": knobs.turned(),
        "config": packaged.alone(knobs),
        "packaged": packaged.versions[packaged.version(knobs)].digest,
    }
