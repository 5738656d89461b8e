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
from export.data.texts import own_texts, read_texts
from export.errors import RecipeError
from export.recipe.recipe import Recipe
from export.tasks import TASKS

REFERENCE_TOOLS = ("torch", "transformers", "tokenizers", "peft", "sentence-transformers")


@dataclass(frozen=True)
class Inputs:
    """A recipe and what it names.

    `evaluation` is None where nobody judges the quality; `texts` are those that the recipe gives
    instead, if any.
    """

    recipe: Recipe
    checkpoint: Weights
    adapter: Weights | None
    evaluation: Dataset | None
    texts: Dataset | None = None
    calibration: CalibrationTexts | None = None

    @classmethod
    def of(cls, recipe: Recipe) -> "Inputs":
        """Find checkpoint, adapter and evaluation set of a recipe.

        Raises:
            RecipeError: one of them is not there or cannot be used.
        """
        folder = recipe.path(".")
        return cls(
            recipe,
            checkpoint.resolve(recipe.checkpoint, folder, recipe.checkpoint_sha256),
            checkpoint.resolve_adapter(recipe.adapter, folder) if recipe.adapter else None,
            _evaluation_set(recipe),
            read_texts(recipe),
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
            recipe.evaluation and recipe.evaluation.roles,
            recipe.texts and recipe.texts.roles,
            recipe.ignored_keys,
            recipe.trust_remote_code,
        ]
        tools = {name: installed_version(name) for name in REFERENCE_TOOLS}
        return _digest({"settings": settings, "files": self._file_digests(), "own": own_texts().digest, "tools": tools})

    def _file_digests(self) -> list[str | None]:
        digests = [self.checkpoint.digest, self.adapter.digest if self.adapter else None]
        if self.evaluation:
            return [*digests, self.evaluation.digest]
        return [*digests, own_texts().digest, *([self.texts.digest] if self.texts else [])]


def recipe_settings(recipe: Recipe) -> object:
    """A recipe without its paths, as JSON values."""
    sets = {name: {"data"} for name in ("evaluation", "texts", "calibration")}
    settings = recipe.model_dump(mode="json", exclude={"checkpoint": True, "checkpoint_sha256": True, "adapter": True, **sets})
    # fields that came later: a recipe without them is the same recipe
    for name in ("rename_labels", "texts", "ignored_keys"):
        settings[name] or settings.pop(name)
    if settings["evaluation"]:
        settings["evaluation"]["allow_weak_reference"] or settings["evaluation"].pop("allow_weak_reference")
    return settings


def _evaluation_set(recipe: Recipe) -> Dataset | None:
    """The evaluation set, with a metric and a column of right answers that fit the task."""
    evaluation, task = recipe.evaluation, TASKS[recipe.task]
    if evaluation is None:
        return None
    if evaluation.metric is not None and evaluation.metric not in task.metrics:
        raise RecipeError(
            f"evaluation.metric: {evaluation.metric!r} is not possible for {recipe.task}; choose one of {', '.join(task.metrics)}"
        )
    found = dataset.read(evaluation, recipe.path(evaluation.data))
    if task.needs_label(metric := evaluation.metric or task.metrics[0]) and not found.has("label"):
        others = [other for other in task.metrics if not task.needs_label(other)]
        remedy = f", or choose evaluation.metric: {', '.join(others)}, which needs none" if others else ""
        raise RecipeError(
            f"evaluation.label: {found.table.path} has no field {found.roles['label']!r}, and {metric} needs the right answers; "
            f"its fields are {', '.join(found.table.columns)}: name the one that holds them{remedy}"
        )
    return found


def _digest(value: object) -> str:
    return f"sha256:{hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()}"
