"""What a request of any dialect asks of the version that answers it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.request.prediction import Item, Prediction

MAX_INPUTS = 1000
"""Most texts or documents of one request, unless a dialect sets another number."""


@dataclass(frozen=True, slots=True)
class Ask:
    """The items, and how their rows become the content of the response, ready for JSON.

    `render` raises `TooLarge` if the model cut a text and the client allows no cut.
    """

    items: Sequence[Item]
    render: Callable[[Prediction], Any]
