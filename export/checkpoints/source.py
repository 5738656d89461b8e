"""What a model is loaded from."""

from typing import Protocol

from export.checkpoints.checkpoint import Weights
from export.recipe.recipe import Recipe


class ModelSource(Protocol):
    """What a model is loaded from: a recipe, and the checkpoint and adapter that it names."""

    @property
    def recipe(self) -> Recipe:
        """What is asked of the model: labels, length, post-processing, whether its code may run."""

    @property
    def checkpoint(self) -> Weights:
        """The checkpoint's folder."""

    @property
    def adapter(self) -> Weights | None:
        """The adapter's folder; None: the checkpoint is used as it is."""
