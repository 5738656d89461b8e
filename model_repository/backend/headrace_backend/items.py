"""What the stages hand on: an item asks one or several queries, and a query is one or several windows of tokens."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Item(NamedTuple):
    """One row of Triton's inputs: UTF-8 texts, and a JSON object of parameters ("" for none)."""

    text: bytes
    text_pair: bytes | None = None
    parameters: bytes = b""


class Query(NamedTuple):
    """What the model reads at once, were it long enough: a text, or a pair of texts."""

    text: str
    text_pair: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Tokens that fit into the model: a whole query, its beginning, or one of its overlapping parts.

    `ids` and `type_ids` are int64 [tokens]; `type_ids` is None where all are 0. `encoding` is the tokenizer's, with character
    offsets, where a task asks for it.
    """

    ids: NDArray[np.int64]
    type_ids: NDArray[np.int64] | None = None
    encoding: Any = None


class Encoded(NamedTuple):
    """A query's windows, and how many tokens (special ones included) all of it has."""

    windows: list[Window]
    tokens: int
