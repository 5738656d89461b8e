"""A capacity profile, or a part of one, as the JSON values that are written.

`profile` says what they mean, and reads them.
"""

from typing import Literal, NotRequired, TypedDict


class TimesPart(TypedDict):
    """A measured time, seconds; `quantiles` by their share."""

    mean: float
    scv: float
    quantiles: NotRequired[dict[str, float]]


class CeilingPart(TypedDict):
    """The highest rate that a search found one replica to hold within an SLO."""

    slo: str
    texts_per_s: float


class TritonPart(TypedDict, total=False):
    """One Triton replica; `batch_seconds` by the texts of a batch."""

    instances: int
    service_s: TimesPart
    seconds_per_item: float
    queue_delay_s: float
    batch_seconds: dict[str, float]
    texts_per_s_within_slo: CeilingPart
    cpus: float
    memory_bytes: float
    gpus: int


class GatewayPart(TypedDict, total=False):
    """One gateway."""

    hit_latency_s: TimesPart
    miss_overhead_s: float
    workers: int
    cpu_s_per_hit: float
    cpu_s_per_miss: float
    memory_bytes: float


class CachePart(TypedDict):
    """Redis or Valkey."""

    bytes_per_item: float


class PointPart(TypedDict):
    """A measured load; latencies in milliseconds by name."""

    requests_per_s: float
    hit_rate: float
    triton_replicas: int
    gateways: int
    latency_ms: dict[str, float]


class MeasuredPart(TypedDict):
    """Where the figures come from; `on` is a day (ISO 8601), `disturbed` a sentence."""

    on: str
    instance: str
    cores: float
    command: str
    disturbed: NotRequired[str]


class ProfilePart(TypedDict, total=False):
    """What one measurement found; fields that it could not measure are left out."""

    schema: Literal["headrace-capacity-profile/1"]
    problem: str
    measured: MeasuredPart
    model: str
    items_per_request: int
    triton: TritonPart
    gateway: GatewayPart
    cache: CachePart
    points: list[PointPart]
