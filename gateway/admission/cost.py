"""What a text costs a model, estimated before it is tokenized. Pure.

A unit is about the time that a model takes for one token. It is a measure of proportions only: how
long a unit takes is learned from the calls (`gateway.admission.service_times`).
"""

from functools import lru_cache

import orjson

from gateway.request.prediction import Item

BASE = 8
"""What a text costs beside its tokens."""
BYTES_PER_TOKEN = 4
"""About as many bytes of English as of Chinese make a token."""
BYTES_TOKENIZED_PER_TOKEN = 32
"""So many bytes are tokenized in the time in which a small model computes one token.

A model that reads only the beginning of a text tokenizes all of it.
"""

MAX_KEPT_BYTES = 65_536
"""Of larger parameters only the last are kept, since clients choose how large they are."""


def cost_of(item: Item, max_tokens: int | None) -> int:
    """The cost of an item for a model that reads `max_tokens` of it at most; None: all of it."""
    size = _text_bytes(item)
    tokens = size // BYTES_PER_TOKEN
    if max_tokens is not None and tokens > max_tokens:
        tokens = max_tokens
    return BASE + tokens + size // BYTES_TOKENIZED_PER_TOKEN


def cost_with_labels(item: Item, max_tokens: int | None) -> int:
    """As `cost_of`, for a model that reads the text once with each candidate label."""
    labels_in = _labels_of_small if len(item.parameters) <= MAX_KEPT_BYTES else _labels_of_last
    labels, label_bytes = labels_in(item.parameters)
    return labels * cost_of(item, max_tokens) + label_bytes // BYTES_PER_TOKEN


def _labels(parameters: bytes) -> tuple[int, int]:
    """How many labels the parameters have, at least 1, and how many bytes the labels are."""
    try:
        labels = orjson.loads(parameters)["candidate_labels"]
        return max(1, len(labels)), sum(len(label) for label in labels)
    except (ValueError, TypeError, KeyError):
        return 1, 0  # the model says what is wrong with them


# the items of a request have the same parameters
_labels_of_small, _labels_of_last = lru_cache(maxsize=32)(_labels), lru_cache(maxsize=1)(_labels)


def size_of(item: Item) -> int:
    """The bytes of an item: its texts, and its parameters, which go along with each item."""
    return _text_bytes(item) + len(item.parameters)


def _text_bytes(item: Item) -> int:
    return len(item.text) if item.text_pair is None else len(item.text) + len(item.text_pair)
