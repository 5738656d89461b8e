"""What other work took of the machine while a load ran, and whether that spoils it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadtest.results.figures import plural

MOST_TAKEN = 0.1
"""A greater share of the cores, taken by others, is felt: a search is asked for ± 10 %."""


@dataclass(frozen=True, slots=True)
class Contention:
    """Shares of the `cores` that this process may use, from 0 to 1, and the load average before.

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

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | None) -> "Contention | None":
        """What `dataclasses.asdict` made of it; None stays None."""
        return None if values is None else cls(**values)
