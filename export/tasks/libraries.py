"""What answers the reference: the libraries that users compare with, on the checkpoint's own files.

None of it goes through our tokenization or batching: a library reads one text at a time.
"""

from collections.abc import Callable
from typing import Any, Protocol

from headrace_backend.items import Item

from export.recipe.recipe import Recipe
from model_repository.manifest import Answering

Ask = Callable[[Item], Any]
"""An item → its answer in the form that the backend gives it."""


class Libraries(Protocol):
    """The libraries, each with the fp32 model, its own tokenizer and the recipe's max_length."""

    @property
    def recipe(self) -> Recipe:
        """What is asked of the model."""

    @property
    def answering(self) -> Answering:
        """How answers are made."""

    def pipeline(self, task: str, **arguments: Any) -> Any:
        """transformers' pipeline of a task."""

    def sentence_transformer(self) -> Any:
        """A `SentenceTransformer`, with what the recipe says of `postprocessing`."""

    def cross_encoder(self) -> Any:
        """A `CrossEncoder`."""


def texts_of(item: Item) -> tuple[str, str | None]:
    """The texts of an item."""
    return item.text.decode(), None if item.text_pair is None else item.text_pair.decode()
