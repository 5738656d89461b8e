"""The texts that static int8 is calibrated with: one JSON object a line."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace_backend.items import Query

from export.errors import RecipeError
from export.recipe import Calibration, Recipe
from model_repository.manifest import file_digest


@dataclass(frozen=True)
class CalibrationTexts:
    """What the model is asked to calibrate it, spread evenly over the file; `digest` of the file."""

    queries: Sequence[Query]
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
        texts = [_query(path, number, line, settings) for number, line in enumerate(path.open(encoding="utf-8"), 1) if line.strip()]
    except OSError as exc:
        raise RecipeError(f"calibration.data: {path} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise RecipeError(f"calibration.data: {path} is not UTF-8: {exc}") from exc
    if not texts:
        raise RecipeError(f"calibration.data: {path} holds no text")
    step = max(len(texts) / settings.samples, 1)
    return CalibrationTexts([texts[int(at * step)] for at in range(min(settings.samples, len(texts)))], file_digest(path))


def _query(path: Path, number: int, line: str, settings: Calibration) -> Query:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as exc:
        raise RecipeError(f"calibration.data: line {number} of {path} is not JSON: {exc}") from exc
    text = _text(row, "text", settings.text, path, number)
    return Query(text, None if settings.text_pair is None else _text(row, "text_pair", settings.text_pair, path, number))


def _text(row: object, role: str, field: str, path: Path, number: int) -> str:
    if not isinstance(row, dict) or not isinstance(text := row.get(field), str):
        raise RecipeError(f"calibration.{role}: line {number} of {path} has no field {field!r} that holds a string")
    return text
