"""The one internal request and its answer, whatever dialect a client speaks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway import row as rows
from gateway.cache.directives import NONE, Directives
from model_repository.manifest import Manifest


class Item(NamedTuple):
    """What the model answers at once, and the unit of caching: UTF-8 texts, and options that change the answer as a JSON object."""

    text: bytes
    text_pair: bytes | None = None
    parameters: bytes = b""


@dataclass(frozen=True, slots=True)
class PredictionRequest:
    """What to predict. `deadline` is of the event loop's clock, seconds; `cache` is what the client says of caching.

    `keys` are the items' in the cache, where they were made already.
    """

    items: Sequence[Item]
    deadline: float
    cache: Directives = NONE
    keys: Sequence[bytes] | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer: a row (`gateway.row`) for each item, by the version that `manifest` describes.

    `age_s` is that of the oldest row where all came from the cache.
    """

    manifest: Manifest
    rows: Sequence[bytes]
    age_s: int | None = None

    def truncated(self) -> list[tuple[int, int]]:
        """(index, tokens) of each item of which the model read only the beginning."""
        limit = rows.cut_at(self.manifest)
        if limit is None:
            return []
        return [(i, tokens) for i, row in enumerate(self.rows) if (tokens := rows.tokens_of(row)) > limit]
