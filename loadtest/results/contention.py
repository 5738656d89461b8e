"""What other work took of the machine while a load ran, and whether that spoils it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadtest.results.figures import plural

MOST_TAKEN = 0.1
"""A greater share of the cores, taken by others, is felt: a search is asked for ± 10 %."""


@dataclass(frozen=True, slots=True)
class BusyProcess:
    """A process of others, by program and module, and how many cores it took on average."""

    pid: int
    name: str
    cores: float

    def __str__(self) -> str:
        """`stress (pid 812) with 0.93 cores`."""
        return f"{self.name} (pid {self.pid}) with {self.cores:.2f} cores"


@dataclass(frozen=True, slots=True)
class Contention:
    """Shares of `cores`, from 0 to 1, and the load average before.

    They are the cores that the load generator may use, or those that the gateway may use where it
    is pinned to others and these lacked more.

    `before_share` was busy in the moment before the load began. `others_share` was taken while it
    ran by processes that belong neither to the load generator nor to the gateway; it is None where
    the gateway is on this machine and its processes cannot be seen. `steal_share` is what the
    hypervisor gave to other machines. `shared`: the gateway is on this machine, so that it feels
    what others take.
    """

    cores: int
    load_average_1m: float
    before_share: float
    others_share: float | None
    steal_share: float
    shared: bool
    busiest: tuple[BusyProcess, ...] = ()

    @property
    def taken_share(self) -> float:
        """The share that the load lacked.

        Of a gateway on another machine only steal counts: what others take here is felt as far as
        the load generator had to wait, which it measures itself.
        """
        if not self.shared:
            return self.steal_share
        return self.steal_share + (self.before_share if self.others_share is None else self.others_share)

    @property
    def disturbs(self) -> bool:
        """Whether others took so much that a worse figure need not be the system's own."""
        return self.taken_share > MOST_TAKEN

    def __str__(self) -> str:
        """`other work took 1.4 of the 2 cores of this machine`."""
        others = (self.taken_share - self.steal_share) * self.cores
        steal = self.steal_share * self.cores
        of_all = f"of the {plural(self.cores, 'core')} of this machine"
        if steal > others:
            return f"the hypervisor gave {steal:.1f} {of_all} to other machines"
        when = " in the moment before" if self.shared and self.others_share is None else ""
        return f"other work took {others:.1f} {of_all}{when}"

    @property
    def named(self) -> str:
        """Who took it, and what to do about one's own; empty where nobody is known."""
        if not self.busiest:
            return ""
        was = "The busiest was" if len(self.busiest) == 1 else "The busiest were"
        return f"{was} {', '.join(map(str, self.busiest))}; where one is part of the system under test, name it with --watch-pid."

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | None) -> "Contention | None":
        """What `dataclasses.asdict` made of it; None stays None."""
        if values is None:
            return None
        return cls(**{**values, "busiest": tuple(BusyProcess(**process) for process in values.get("busiest", ()))})
