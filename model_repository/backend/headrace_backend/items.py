"""What the stages pass on: an item asks queries, a query is windows of tokens.

An item asks one query or several, and a query has one window or several.
"""

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
    """What the model reads at once, were it long enough: a text, or a pair of texts.

    `prompt` is the beginning of the text whose tokens are not pooled ("": all are).
    """

    text: str
    text_pair: str | None = None
    prompt: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Tokens that fit into the model: a whole query, its beginning, or an overlapping part of it.

    `ids` and `type_ids` are int64 [tokens]; `type_ids` is None where all are 0. `encoding` is the
    tokenizer's, with character offsets, where a task needs it. The first `not_pooled` tokens are
    those of a prompt that is not pooled.
    """

    ids: NDArray[np.int64]
    type_ids: NDArray[np.int64] | None = None
    encoding: Any = None
    not_pooled: int = 0


class Encoded(NamedTuple):
    """A query's windows, and how many tokens (special ones included) all of it has."""

    windows: list[Window]
    tokens: int
