"""What one generator process saw and took, and how it leaves the process."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadtest.results import encoding
from loadtest.results.measurement import GeneratorUse
from loadtest.results.recording import Recording

Encoded = dict[str, Any]
"""A result as JSON values, which a master hands on without looking into them."""


@dataclass(frozen=True, slots=True)
class WorkerResult:
    """What worker number `worker` saw in `elapsed_s` seconds.

    `cpu_s` are seconds of CPU that it used, and `cpu_wait_s` seconds that it waited for a core.
    """

    worker: int
    elapsed_s: float
    cpu_s: float
    cpu_wait_s: float
    recording: Recording

    @property
    def use(self) -> GeneratorUse:
        """The shares of one core."""
        return GeneratorUse(self.worker, self.cpu_s / self.elapsed_s, self.cpu_wait_s / self.elapsed_s, self.recording.requests)

    def to_dict(self) -> Encoded:
        """As JSON values; `from_dict` reads them back."""
        return {
            "worker": self.worker,
            "elapsed_s": self.elapsed_s,
            "cpu_s": self.cpu_s,
            "cpu_wait_s": self.cpu_wait_s,
            "recording": encoding.to_dict(self.recording),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "WorkerResult":
        """What `to_dict` wrote."""
        recording = encoding.from_dict(values["recording"])
        return cls(values["worker"], values["elapsed_s"], values["cpu_s"], values["cpu_wait_s"], recording)
