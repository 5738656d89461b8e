"""Deletion without a scan: each scope (everything, a model, a version, a tenant) has a generation
that is part of its keys.

A deletion raises the scope's number in one hash of Redis; each worker reads that hash every second,
and from then on looks under new keys. What lies under the old ones is never read again and leaves
by its expiry. The hash has no expiry of its own: of Redis' eviction policies use a `volatile-` one.
Where Redis has lost it, the workers that know the numbers write them back.
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
    """The cache of a tenant that has one of its own."""
    return f"tenant:{tenant}"


class Generations:
    """The numbers that this worker knows, by scope; they only grow."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def of(self, tenant: str, model: str, version: int) -> bytes:
        """The generation of a version's answers (for a tenant, where it has a cache of its own), as
        a part of its namespace.
        """
        scopes = (ALL, tenant_scope(tenant), model_scope(model), version_scope(model, version))
        return b",".join(b"%d" % self.numbers.get(scope, 0) for scope in scopes)

    def merge(self, seen: Mapping[str, int]) -> tuple[bool, dict[str, int]]:
        """Take over what is newer in `seen`: (whether anything was, what is newer here and must be
        written back).
        """
        newer = {scope: number for scope, number in seen.items() if number > self.numbers.get(scope, 0)}
        lost = {scope: number for scope, number in self.numbers.items() if number > seen.get(scope, 0)}
        self.numbers.update(newer)
        return bool(newer), lost
