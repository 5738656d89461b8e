"""The capacity profile of a configuration, as it is kept in `profiles/KEY.json`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtest.planning.capacity.profile_part import ProfilePart
from loadtest.planning.sweep.store import Store

PROFILE_SCHEMA = "headrace-sweep-profile/1"


@dataclass(frozen=True, slots=True)
class ProfileResult:
    """A measured profile with what it assumes, or the `error` because of which there is none.

    `configuration` is the name; `elapsed_s` is None where the measurement failed.
    """

    key: str
    configuration: str
    profile: ProfilePart | None
    cautions: tuple[str, ...] = ()
    elapsed_s: float | None = None
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON values; `from_dict` reads them back."""
        return {
            "schema": PROFILE_SCHEMA,
            "key": self.key,
            "configuration": self.configuration,
            "profile": self.profile,
            "cautions": list(self.cautions),
            "elapsed_s": self.elapsed_s,
            "error": self.error,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ProfileResult":
        """The result that `to_dict` wrote, also by way of JSON."""
        return cls(
            key=values["key"],
            configuration=values["configuration"],
            profile=values["profile"],
            cautions=tuple(values["cautions"]),
            elapsed_s=values["elapsed_s"],
            error=values["error"],
        )


def profile_store(folder: Path) -> Store[ProfileResult]:
    """The capacity profiles in a sweep's folder."""
    return Store(folder / "profiles", (PROFILE_SCHEMA,), ProfileResult.from_dict)
