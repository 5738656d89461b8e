"""The capacity profile: what was measured of one version on one machine. Read from JSON.

The plan uses nothing else about the version.

    {"schema": "headrace-capacity-profile/1",
     "measured": {"on": "2026-11-21", "instance": "this-machine", "cores": 2,
                  "command": "python -m loadtest sweep …"},
     "model": "topics", "items_per_request": 1,
     "triton": {"instances": 2,
                "service_s": {"mean": 0.0021, "scv": 0.4,
                              "quantiles": {"0.5": 0.0019, "0.99": 0.006}},
                "seconds_per_item": 0.0019, "batch_seconds": {"1": 0.0021, "8": 0.012},
                "texts_per_s_within_slo": {"slo": "p99<50ms", "texts_per_s": 820},
                "queue_delay_s": 0,
                "cpus": 2, "memory_bytes": 1.5e9, "gpus": 0},
     "gateway": {"cpu_s_per_hit": 0.00025, "cpu_s_per_miss": 0.0006,
                 "hit_latency_s": {"mean": 0.0012, "scv": 0.5}, "miss_overhead_s": 0.0008,
                 "workers": 1, "memory_bytes": 1.4e8},
     "cache": {"bytes_per_item": 420},
     "points": [{"requests_per_s": 300, "hit_rate": 0.4, "triton_replicas": 1, "gateways": 1,
                 "latency_ms": {"p50": 2.4, "p99": 9.8}}]}

Times are seconds. `triton.service_s` is of one call with a request's misses, measured with as many
calls in flight as the replica has instances: all of them work, as they do under load, and no call
waits. Optional are `seconds_per_item` (a server's seconds for an item at load), `batch_seconds` (of
whole batches), `texts_per_s_within_slo` (misses a second of one replica, found by a search),
`miss_overhead_s`, `quantiles`, `points`, what pods need, and `problem`, which says why the
measurement broke off. A file may hold only a part; parts are put together.
"""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator

from loadtest.faults import Fault, faults
from loadtest.planning.capacity.batching import BatchTimes
from loadtest.planning.capacity.distribution import Distribution, from_quantiles, lognormal
from loadtest.planning.capacity.profile_part import ProfilePart
from loadtest.slo import parse_slo

SCHEMA: Final = "headrace-capacity-profile/1"
LISTS = {"points"}
OF_A_SWEEP = Path("best/profile.json")
REPORT = (
    "is the report of a run, not a capacity profile: `profile`, `search` and `sweep` measure one. Of a server that is not Headrace there "
    "is none, since a plan computes with Headrace's gateway, cache and Triton."
)


class ProfileError(ValueError):
    """A profile that cannot be read, lacks a field, or says something impossible.

    The message names file and field.
    """


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Times(_Part):
    """A measured time, seconds: its mean and its squared coefficient of variation.

    `quantiles` (share → seconds) are empty where they are not known.
    """

    mean: float = Field(gt=0)
    scv: float = Field(ge=0)
    quantiles: dict[float, float] = Field(default_factory=dict)

    @field_validator("quantiles")
    @classmethod
    def _rise(cls, quantiles: dict[float, float]) -> dict[float, float]:
        if quantiles:
            from_quantiles(quantiles, 1.0)
        return quantiles

    @property
    def distribution(self) -> Distribution:
        """That of the quantiles where they are known, else lognormal with this mean and scv."""
        return from_quantiles(self.quantiles, self.mean) if self.quantiles else lognormal(self.mean, self.scv)


class Ceiling(_Part):
    """The rate that a search found one replica to hold within an SLO in nine of ten runs.

    `texts_per_s` are texts that Triton computes per second: the lower end of the 95 % interval, so
    that a run at that rate is likely to confirm it.
    """

    slo: str
    texts_per_s: float = Field(gt=0)

    @field_validator("slo")
    @classmethod
    def _is_an_slo(cls, text: str) -> str:
        return str(parse_slo(text))


class Triton(_Part):
    """One Triton replica.

    `instances` are the model instances that work at the same time; `cpus`, `memory_bytes` and
    `gpus` are what its pod needs.
    """

    instances: int = Field(ge=1)
    service_s: Times
    seconds_per_item: float | None = Field(None, gt=0)
    batch_seconds: dict[int, float] = Field(default_factory=dict)
    queue_delay_s: float = Field(0.0, ge=0)
    texts_per_s_within_slo: Ceiling | None = None
    cpus: float | None = Field(None, gt=0)
    memory_bytes: float | None = Field(None, gt=0)
    gpus: int = Field(0, ge=0)

    @field_validator("batch_seconds")
    @classmethod
    def _are_batches(cls, seconds: dict[int, float]) -> dict[int, float]:
        if seconds:
            BatchTimes.of(seconds)
        return seconds


class Gateway(_Part):
    """One gateway.

    `cpu_s_per_hit` and `cpu_s_per_miss` are CPU seconds per request. `hit_latency_s` is the latency
    of hits at little load, as a client sees it. `miss_overhead_s` is what a miss takes beyond that
    and its call to Triton (lease, decoding, storing).
    """

    cpu_s_per_hit: float = Field(gt=0)
    cpu_s_per_miss: float = Field(gt=0)
    hit_latency_s: Times
    miss_overhead_s: float = Field(0.0, ge=0)
    workers: int = Field(1, ge=1)
    memory_bytes: float | None = Field(None, gt=0)


class Cache(_Part):
    """Redis or Valkey: memory per cached item, key and overhead included (used memory / keys)."""

    bytes_per_item: float = Field(gt=0)


class Point(_Part):
    """A measured load and what it showed, to check the model against.

    `hit_rate` is the share of items that were hits; latencies are in milliseconds by name.
    """

    requests_per_s: float = Field(gt=0)
    hit_rate: float = Field(ge=0, le=1)
    triton_replicas: int = Field(1, ge=1)
    gateways: int = Field(1, ge=1)
    latency_ms: dict[str, float]


class Measured(_Part):
    """Where the figures come from: the day, the instance type, its cores, the command.

    `instance` is a name of the price table. `disturbed` says what other work did to the
    measurement, and is empty where it did nothing that was felt.
    """

    on: date
    instance: str
    cores: float = Field(gt=0)
    command: str
    disturbed: str = ""


class Profile(_Part):
    """All that was measured.

    `problem` says why the measurement broke off, and is empty where the profile is whole; one that
    broke off may lack points.
    """

    format: Literal["headrace-capacity-profile/1"] = Field(alias="schema")
    measured: Measured
    model: str
    items_per_request: int = Field(1, ge=1)
    triton: Triton
    gateway: Gateway
    cache: Cache
    points: tuple[Point, ...] = ()
    problem: str = ""


def read_profile(paths: Sequence[Path]) -> Profile:
    """The profile that the files hold together.

    Each field stands in one of them; the `points` of all are put together. A folder is that of a
    sweep.

    Raises:
        ProfileError: a file that cannot be read, or a field that is missing, unknown, impossible,
            or in two files with different values.
    """
    whole: dict[str, JsonValue] = {}
    origin: dict[str, Path] = {}
    for path in map(_profile_file, paths):
        _put_in(whole, _document(path), path, origin, "")
    try:
        return Profile.model_validate(whole)
    except ValidationError as exc:
        names = ", ".join(map(str, paths))
        broke_off = f"{origin['problem']} broke off: {whole['problem']} Measure it again. " if whole.get("problem") else ""
        raise ProfileError(f"{broke_off}{names}: " + "; ".join(_sentence(fault) for fault in faults(exc))) from exc


def checked_profile(values: ProfilePart, where: str) -> Profile:
    """The profile that JSON values are.

    Raises:
        ProfileError: a field is missing, unknown or impossible; the message begins with `where`.
    """
    try:
        return Profile.model_validate(values)
    except ValidationError as exc:
        raise ProfileError(f"{where}: " + "; ".join(_sentence(fault) for fault in faults(exc))) from exc


def _profile_file(path: Path) -> Path:
    """The file itself, or of a sweep's folder the profile of the chosen configuration."""
    if not path.is_dir():
        return path
    if not (path / OF_A_SWEEP).is_file():
        raise ProfileError(f"{path} holds no {OF_A_SWEEP}: a sweep measures one where its file says `profile: true`.")
    return path / OF_A_SWEEP


def _document(path: Path) -> dict[str, JsonValue]:
    try:
        document: JsonValue = json.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ProfileError(f"{path} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ProfileError(f"{path} is no JSON: {exc}") from exc
    except json.JSONDecodeError as exc:
        raise ProfileError(f"{path} is no JSON: {exc}") from exc
    if isinstance(document, dict) and "schema_version" in document:
        raise ProfileError(f"{path} {REPORT}")
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ProfileError(f'{path} is no capacity profile: it must say "schema": "{SCHEMA}".')
    return document


def _put_in(whole: dict[str, JsonValue], part: dict[str, JsonValue], path: Path, origin: dict[str, Path], above: str) -> None:
    for key, value in part.items():
        name = f"{above}{key}"
        known = whole.get(key)
        if key in LISTS and isinstance(value, list) and isinstance(known, list):
            whole[key] = [*known, *value]
        elif isinstance(value, dict) and isinstance(known, dict):
            _put_in(known, value, path, origin, f"{name}.")
        elif key in whole and known != value:
            raise ProfileError(f"{origin[name]} and {path} both give {name}, and differ: keep one.")
        else:
            whole[key] = value
            _remember(value, path, origin, name)


def _remember(value: JsonValue, path: Path, origin: dict[str, Path], name: str) -> None:
    origin.setdefault(name, path)
    if isinstance(value, dict):
        for key, inner in value.items():
            _remember(inner, path, origin, f"{name}.{key}")


def _sentence(fault: Fault) -> str:
    return f"{fault.dotted_path} is missing" if fault.is_missing else f"{fault.dotted_path}: {fault.message}"
