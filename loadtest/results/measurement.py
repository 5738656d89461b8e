"""One load test as it was measured, before anything is computed from it."""

from dataclasses import dataclass

from loadtest.results.recording import Recording
from loadtest.workload.server import HEADRACE


@dataclass(frozen=True, slots=True)
class GeneratorUse:
    """What one generator process took.

    `cpu_share` is the share of one core that it used, and `cpu_wait_share` the share of the time
    that it waited for a core while others had it.
    """

    worker: int
    cpu_share: float
    cpu_wait_share: float
    requests: int


@dataclass(frozen=True, slots=True)
class Generators:
    """The generator processes of a load test.

    `lost` of them ended without a report of what they saw, and are not among `uses`.
    """

    uses: tuple[GeneratorUse, ...] = ()
    lost: int = 0

    @property
    def cpu_share(self) -> float:
        """The share of one core that the busiest process used."""
        return max((use.cpu_share for use in self.uses), default=0.0)

    @property
    def cpu_wait_share(self) -> float:
        """The share of the time that a process waited for a core, of the one that waited most."""
        return max((use.cpu_wait_share for use in self.uses), default=0.0)


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a load test saw, and of which `server`. `interrupted`: it was ended by the user."""

    recording: Recording
    elapsed_s: float
    generators: Generators
    interrupted: bool = False
    server: str = HEADRACE
