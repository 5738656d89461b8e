"""What the gateway says of the demo's model: its packaged versions, and the experiment on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadtest.demo.asking import MODEL, RefusedError
from loadtest.demo.packaged import Packaged, read_packaged
from loadtest.target.client import Client

OK = 200


@dataclass(frozen=True, slots=True)
class Variant:
    """One side of an experiment: its name, the version that it asks, and its weight."""

    name: str
    version: int
    weight: float


@dataclass(frozen=True, slots=True)
class Experiment:
    """An A/B experiment, and its variants in the order of its file."""

    key: str
    variants: Sequence[Variant]

    @property
    def versions(self) -> list[int]:
        """The versions that take part, ascending."""
        return sorted({variant.version for variant in self.variants})


@dataclass(frozen=True, slots=True)
class Model:
    """The demo's model."""

    packaged: Sequence[Packaged]
    experiment: Experiment


def describe(client: Client) -> Model:
    """The demo's model, as the gateway describes it.

    Raises:
        RefusedError: the gateway does not have it, or has no experiment on it.
        NoAnswerError: no answer came.
    """
    response = client.get(f"/v1/models/{MODEL}")
    if response.status != OK or not response.body.get("experiment"):
        raise RefusedError(f"The gateway has no experiment on {MODEL!r}: {response.reason}.")
    manifests = response.body["versions"]
    return Model([read_packaged(manifest) for manifest in manifests], _experiment(response.body["experiment"]))


def _experiment(values: Mapping[str, Any]) -> Experiment:
    variants = [Variant(variant["name"], variant["version"], variant["weight"]) for variant in values["variants"]]
    return Experiment(values["key"], variants)
