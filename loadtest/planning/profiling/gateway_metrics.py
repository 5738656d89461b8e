"""What a gateway says of its own use of the machine at `/metrics`."""

from dataclasses import dataclass

from loadtest.observation.exposition import read_samples
from loadtest.target.client import Client
from loadtest.target.readiness import TargetError

OK = 200
WRITTEN = ("headrace_cache_bytes_total", (("direction", "written"),))
CPU = ("process_cpu_seconds_total", ())
MEMORY = ("process_resident_memory_bytes", ())
WORKERS = ("headrace_workers", ())


@dataclass(frozen=True, slots=True)
class GatewayUse:
    """Counters until now, None where the gateway has no such metric.

    With several workers it has none of its process.
    """

    cpu_s: float | None
    memory_bytes: float | None
    cache_bytes_written: float | None
    workers: int


def read_use(gateway: Client, url: str, path: str) -> GatewayUse:
    """Read the metrics once.

    Raises:
        TargetError: there are no metrics.
        NoAnswerError: no answer came.
    """
    status, text = gateway.text(path)
    if status != OK:
        raise TargetError(
            f"The gateway at {url} does not show its metrics at {path}: status {status}. --gateway-metrics says where they are."
        )
    samples = {(name, tuple(sorted(labels.items()))): value for name, found in read_samples(text).items() for labels, value in found}
    return GatewayUse(samples.get(CPU), samples.get(MEMORY), samples.get(WRITTEN), int(samples.get(WORKERS, 1)))
