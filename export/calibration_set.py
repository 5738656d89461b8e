"""The texts that static int8 is calibrated with: one JSON object a line."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from export.errors import RecipeError
from export.recipe import Recipe
from model_repository.manifest import file_digest


@dataclass(frozen=True)
class CalibrationTexts:
    """Texts spread evenly over the calibration file; `digest` of the file."""

    texts: Sequence[str]
    digest: str


def read_calibration(recipe: Recipe) -> CalibrationTexts | None:
    """Read the texts that a recipe calibrates with; None where it does not.

    Raises:
        RecipeError: no such file, or a line that is not as the recipe says.
    """
    settings = recipe.calibration
    if settings is None:
        return None
    path = recipe.path(settings.data)
    try:
        texts = [_text(path, number, line, settings.text) for number, line in enumerate(path.open(encoding="utf-8"), 1) if line.strip()]
    except OSError as exc:
        raise RecipeError(f"calibration.data: {path} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise RecipeError(f"calibration.data: {path} is not UTF-8: {exc}") from exc
    if not texts:
        raise RecipeError(f"calibration.data: {path} holds no text")
    step = max(len(texts) / settings.samples, 1)
    return CalibrationTexts([texts[int(at * step)] for at in range(min(settings.samples, len(texts)))], file_digest(path))


def _text(path: Path, number: int, line: str, field: str) -> str:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as exc:
        raise RecipeError(f"calibration.data: line {number} of {path} is not JSON: {exc}") from exc
    if not isinstance(row, dict) or not isinstance(row.get(field), str):
        raise RecipeError(f"calibration.text: line {number} of {path} has no field {field!r} that holds a string")
    text: str = row[field]
    return text
