"""Where results come from: what was run, when, on what and with which versions."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Provenance:
    """The command as typed (without secrets), when it began (ISO 8601), and the machine it ran on.

    `versions` are those of the programs that took part, by name.
    """

    command: str
    started_at: str
    machine: Mapping[str, str | int | float]
    versions: Mapping[str, str] = field(default_factory=dict)
