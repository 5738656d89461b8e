"""What a request of any dialect asks of the version that answers it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.request.prediction import Item, Prediction

MAX_INPUTS = 1000
"""Most texts or documents of one request, where a dialect does not say another number."""


@dataclass(frozen=True, slots=True)
class Ask:
    """The items, and how their rows become the answer, ready for JSON.

    `render` raises `TooLarge` where the client wants no text cut and one was.
    """

    items: Sequence[Item]
    render: Callable[[Prediction], Any]
