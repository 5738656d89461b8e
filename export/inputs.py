"""All that goes into an export, found and digested before anything long begins."""

import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version as installed_version

from export.checkpoints import checkpoint
from export.checkpoints.checkpoint import Weights
from export.data import dataset
from export.data.calibration_set import CalibrationTexts, read_calibration
from export.data.dataset import Dataset
from export.errors import RecipeError
from export.recipe.recipe import Recipe
from export.tasks import TASKS

REFERENCE_TOOLS = ("torch", "transformers", "tokenizers", "peft")


@dataclass(frozen=True)
class Inputs:
    """A recipe and what it names."""

    recipe: Recipe
    checkpoint: Weights
    adapter: Weights | None
    evaluation: Dataset
    calibration: CalibrationTexts | None = None

    @classmethod
    def of(cls, recipe: Recipe) -> "Inputs":
        """Find checkpoint, adapter and evaluation set of a recipe.

        Raises:
            RecipeError: one of them is not there or cannot be used.
        """
        folder = recipe.path(".")
        _require_metric(recipe)
        return cls(
            recipe,
            checkpoint.resolve(recipe.checkpoint, folder, recipe.checkpoint_sha256),
            checkpoint.resolve_adapter(recipe.adapter, folder) if recipe.adapter else None,
            dataset.read(recipe.evaluation, recipe.path(recipe.evaluation.data)),
            read_calibration(recipe),
        )

    @property
    def digest(self) -> str:
        """`sha256:<hex>` over the recipe's settings and the contents of the files that it names.

        Where the files lie does not count.
        """
        settings = recipe_settings(self.recipe)
        calibration = [self.calibration.digest] if self.calibration else []
        return _digest({"settings": settings, "files": self._file_digests() + calibration})

    @property
    def reference_digest(self) -> str:
        """`sha256:<hex>` over what the reference's outputs on the evaluation set depend on."""
        recipe = self.recipe
        windows = recipe.windows and recipe.windows.model_dump(mode="json")
        settings = [
            recipe.task,
            recipe.labels,
            recipe.rename_labels,
            recipe.max_length,
            windows,
            recipe.postprocessing,
            recipe.evaluation.roles,
        ]
        tools = {name: installed_version(name) for name in REFERENCE_TOOLS}
        return _digest({"settings": settings, "files": self._file_digests(), "tools": tools})

    def _file_digests(self) -> list[str | None]:
        return [self.checkpoint.digest, self.adapter.digest if self.adapter else None, self.evaluation.digest]


def recipe_settings(recipe: Recipe) -> object:
    """A recipe without its paths, as JSON values."""
    return recipe.model_dump(
        mode="json",
        exclude={"checkpoint": True, "checkpoint_sha256": True, "adapter": True, "evaluation": {"data"}, "calibration": {"data"}},
    )


def _require_metric(recipe: Recipe) -> None:
    metrics = TASKS[recipe.task].metrics
    if recipe.evaluation.metric is not None and recipe.evaluation.metric not in metrics:
        raise RecipeError(
            f"evaluation.metric: {recipe.evaluation.metric!r} is not possible for {recipe.task}; choose one of {', '.join(metrics)}"
        )


def _digest(value: object) -> str:
    return f"sha256:{hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()}"
