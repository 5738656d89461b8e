"""Deletion without a scan: the generation number of each scope is part of the keys.

A scope is everything, a model, a version or a tenant. A deletion raises the scope's number in one
hash of Redis. Each worker reads that hash every second and then looks entries up under new keys.
The entries under the old keys are never read again and expire. The hash itself has no expiry, so
Redis needs a `volatile-` eviction policy. Where Redis has lost the hash, the workers that have read
the numbers write them back.
"""

from collections.abc import Mapping

ALL = "all"


def model_scope(model: str) -> str:
    """All versions of a model."""
    return f"model:{model}"


def version_scope(model: str, version: int) -> str:
    """One version."""
    return f"version:{model}/{version}"


def tenant_scope(tenant: str) -> str:
    """A tenant that has a cache of its own."""
    return f"tenant:{tenant}"


class Generations:
    """The numbers that this worker has read or raised, by scope; they only grow."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def of(self, tenant: str, model: str, version: int) -> bytes:
        """The generation of a version's entries, as a part of their namespace.

        `tenant` is "" for the cache that all tenants share.
        """
        scopes = (ALL, tenant_scope(tenant), model_scope(model), version_scope(model, version))
        return b",".join(b"%d" % self.numbers.get(scope, 0) for scope in scopes)

    def merge(self, seen: Mapping[str, int]) -> tuple[bool, dict[str, int]]:
        """Take over the numbers of `seen` that are higher than ours.

        Returns (whether any was, our numbers that are higher than those of `seen`). The latter must
        be written back.
        """
        newer = {scope: number for scope, number in seen.items() if number > self.numbers.get(scope, 0)}
        lost = {scope: number for scope, number in self.numbers.items() if number > seen.get(scope, 0)}
        self.numbers.update(newer)
        return bool(newer), lost
