"""What a request of any dialect asks of the version that answers it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.request.prediction import Item, Prediction
from gateway.request.request_limits import MAX_ITEMS

MAX_INPUTS = MAX_ITEMS
"""No list of texts or documents is longer; how many a request may have is a setting below it."""


@dataclass(frozen=True, slots=True)
class Ask:
    """The items, and how their rows become the content of the response, ready for JSON.

    `render` raises `TooLarge` if the model cut a text and the client allows no cut.
    """

    items: Sequence[Item]
    render: Callable[[Prediction], Any]
