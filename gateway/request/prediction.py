"""The one internal request and its answer, whatever dialect a client speaks."""

from collections.abc import Hashable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from gateway.request import row as rows
from gateway.request.cache_control import NONE, Directives
from gateway.request.caller import Caller
from gateway.request.priority import Priority
from model_repository.manifest import Manifest


class Item(NamedTuple):
    """What the model answers at once, and the unit of caching: UTF-8 texts, and options that change
    the answer as a JSON object.
    """

    text: bytes
    text_pair: bytes | None = None
    parameters: bytes = b""


class PredictionRequest(NamedTuple):
    """What to predict. `deadline` is of the event loop's clock, seconds; `cache` is what the client
    says of caching.

    `keys` are the items' in the cache, where they were made already. With `partial`, an item that
    the model cannot process has an error of its own; else it fails the request. `caller` is who
    waits for the answer, where that is known. `flow` names whose work it is, from the tenant to the
    connection: flows share a version fairly.
    """

    items: Sequence[Item]
    deadline: float
    cache: Directives = NONE
    keys: Sequence[bytes] | None = None
    priority: Priority = Priority.INTERACTIVE
    caller: Caller | None = None
    partial: bool = False
    flow: tuple[Hashable, ...] = ()


class Prediction(NamedTuple):
    """The answer: a row (`gateway.request.row`) for each item, by the version that `manifest`
    describes.

    `age_s` is that of the oldest row where all came from the cache. `errors` says by index why an
    item has none; its row then holds no numbers (NaN), or no JSON.
    """

    manifest: Manifest
    rows: Sequence[bytes]
    age_s: int | None = None
    errors: Mapping[int, str] = MappingProxyType({})

    def truncated(self) -> list[tuple[int, int]]:
        """(index, tokens) of each item of which the model read only the beginning."""
        limit = rows.cut_at(self.manifest)
        if limit is None:
            return []
        return [(i, tokens) for i, row in enumerate(self.rows) if (tokens := rows.tokens_of(row)) > limit]

    def tokens_read(self) -> int:
        """How many tokens the model read of all items together."""
        limit = rows.cut_at(self.manifest)
        counts = (rows.tokens_of(row) for row in self.rows)
        return sum(counts) if limit is None else sum(min(count, limit) for count in counts)
