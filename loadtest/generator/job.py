"""The jobs of a generator process, and the line of JSON in which it gets one."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from loadtest.scenario.scenario import Scenario


class Address(NamedTuple):
    """Where a master listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class LocalJob:
    """Send the whole scenario.

    Locust's own page shows the run on `web_ui_port`; None: it is not shown.
    """

    scenario: Scenario
    web_ui_port: int | None = None
    role: ClassVar[str] = "local"


@dataclass(frozen=True, slots=True)
class MasterJob:
    """Split the scenario over workers that connect to `address`; port 0 stands for a free one."""

    scenario: Scenario
    address: Address
    web_ui_port: int | None = None
    role: ClassVar[str] = "master"


@dataclass(frozen=True, slots=True)
class WorkerJob:
    """Send the part of a scenario that the master at `address` gives."""

    address: Address
    role: ClassVar[str] = "worker"


Job = LocalJob | MasterJob | WorkerJob


def job_to_dict(job: Job) -> dict[str, Any]:
    """A job as JSON values; `job_from_dict` reads them back."""
    values: dict[str, Any] = {"role": job.role}
    if not isinstance(job, WorkerJob):
        values |= {"scenario": job.scenario.to_dict(), "web_ui_port": job.web_ui_port}
    return values if isinstance(job, LocalJob) else values | job.address._asdict()


def job_from_dict(values: dict[str, Any]) -> Job:
    """The job that `job_to_dict` wrote.

    Raises:
        ValueError: there is no such role, or no such scenario.
    """
    role = values["role"]
    if role == LocalJob.role:
        return LocalJob(Scenario.from_dict(values["scenario"]), values["web_ui_port"])
    address = Address(values["host"], values["port"])
    if role == MasterJob.role:
        return MasterJob(Scenario.from_dict(values["scenario"]), address, values["web_ui_port"])
    if role == WorkerJob.role:
        return WorkerJob(address)
    raise ValueError(f"a generator has no role {role!r}")
