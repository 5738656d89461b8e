"""One load test as it was measured, before anything is computed of it."""

from dataclasses import dataclass

from loadtest.results.recording import Recording


@dataclass(frozen=True, slots=True)
class GeneratorUse:
    """What one generator process took: shares of one core that it used, and that it waited for while others had it."""

    worker: int
    cpu_share: float
    cpu_wait_share: float
    requests: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a load test saw. `interrupted`: ended by the user. `lost_workers` ended without telling what they saw."""

    recording: Recording
    elapsed_s: float
    generators: tuple[GeneratorUse, ...]
    interrupted: bool = False
    lost_workers: int = 0

    @property
    def generator_cpu_share(self) -> float:
        """The share of one core that the busiest generator process used."""
        return max((use.cpu_share for use in self.generators), default=0.0)
