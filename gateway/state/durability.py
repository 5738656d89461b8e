"""Whether a server can lose what it acknowledged, by what it says of itself. Pure."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

_FORBIDDEN = (
    "nobody may ask whether it keeps an append-only file: allow CONFIG GET and, where appendfsync is not always, "
    "WAITAOF (ACL SETUSER <user> +config|get +waitaof)"
)
_NO_FILE = "a crash loses what was written since its last snapshot: set appendonly yes and appendfsync always"
_TOO_LATE = "it acknowledges writes up to two seconds before its disk has them (appendfsync {policy}): set appendfsync always"


class Durability(NamedTuple):
    """What becomes of acknowledged writes when the server crashes.

    It `keeps` them or not, as the sentence says; a sentence of one that does not keep them says
    what to change. With `must_wait` it keeps those after which WAITAOF was awaited.
    """

    keeps: bool
    sentence: str
    must_wait: bool = False

    @property
    def shown(self) -> str:
        """The sentence, marked where acknowledged writes can be lost."""
        return self.sentence if self.keeps else f"may lose writes: {self.sentence}"


UNKNOWN: Final = Durability(False, "it has not said yet whether it keeps an append-only file; it is asked again every 30 s")
"""Of a server that has not answered yet."""


def durability_of(*, config: Mapping[str, str] | None, can_wait: bool, memory: Mapping[str, Any], replicas: int) -> Durability:
    """Judge a server.

    `config` has its `appendonly` and `appendfsync`; None: it may not be asked. `can_wait`: it
    answers WAITAOF, which needs an append-only file. `memory` is what it says in `INFO memory`,
    empty where it does not say it. `replicas` are connected to it.
    """
    policy = str(memory.get("maxmemory_policy", "noeviction"))
    if memory.get("maxmemory") and policy != "noeviction":
        return Durability(False, f"it evicts when its memory is full (maxmemory-policy {policy}): set noeviction")
    if config is not None and config.get("appendonly") != "yes":
        return Durability(False, _NO_FILE)
    behind = f"; a failover to one of its {replicas} replicas may lose the last of them" if replicas else ""
    if config is not None and config.get("appendfsync") == "always":
        return Durability(True, f"each write is on disk before it is acknowledged{behind}")
    if can_wait:
        return Durability(True, f"what must not be lost is acknowledged when WAITAOF says that it is on disk{behind}", must_wait=True)
    return Durability(False, _FORBIDDEN if config is None else _TOO_LATE.format(policy=config.get("appendfsync")))
