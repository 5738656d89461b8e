"""The namespaces of keys, computed once for each packaged version and tenant."""

from gateway.cache.generations import Generations
from gateway.cache.key import namespace
from gateway.cache.policy import Policies
from model_repository.manifest import Manifest

MAX_NAMESPACES = 10_000
"""All namespaces are dropped when so many are held.

Clients choose which tenants and versions they ask for, so the number needs a bound.
"""


class Namespaces:
    """Gives namespaces of the present generations; call `clear` after these have changed."""

    def __init__(self, policies: Policies, generations: Generations) -> None:
        self._policies, self._generations = policies, generations
        self._made: dict[tuple[str, int, str, str], bytes] = {}

    def of(self, manifest: Manifest, tenant: str) -> bytes:
        """The namespace of a packaged version, as a tenant sees it."""
        space = self._made.get((manifest.model, manifest.version, manifest.digest, tenant))
        return self._make(manifest, tenant) if space is None else space

    def clear(self) -> None:
        """Drop all namespaces; each is computed anew when it is asked for."""
        self._made.clear()

    def _make(self, manifest: Manifest, tenant: str) -> bytes:
        own = tenant if self._policies.of(manifest.model).isolates(tenant) else ""
        generation = self._generations.of(own, manifest.model, manifest.version)
        space = namespace(manifest.digest, own, generation)
        if len(self._made) >= MAX_NAMESPACES:
            self._made.clear()
        self._made[manifest.model, manifest.version, manifest.digest, tenant] = space
        return space
