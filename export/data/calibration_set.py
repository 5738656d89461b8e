"""The texts that static int8 is calibrated with, in any format of an evaluation set."""

from collections.abc import Sequence
from dataclasses import dataclass

from headrace_backend.items import Query

from export.data.column import Column
from export.data.table import read_table
from export.errors import RecipeError, TableError
from export.recipe.recipe import Recipe


@dataclass(frozen=True)
class CalibrationTexts:
    """What the model is asked in order to calibrate it, spread evenly over the set.

    `digest` is of the set's files.
    """

    queries: Sequence[Query]
    digest: str


def read_calibration(recipe: Recipe) -> CalibrationTexts | None:
    """Read the texts that a recipe calibrates with; None where it does not calibrate.

    Raises:
        RecipeError: the set cannot be read, a column is missing, or a value in it is not a text.
    """
    settings = recipe.calibration
    if settings is None:
        return None
    try:
        table = read_table(recipe.path(settings.data))
    except TableError as exc:
        raise RecipeError(f"calibration.data: {exc}") from exc
    texts = Column.of(table, "calibration.text", settings.text).strings()
    pairs: Sequence[str | None] = [None] * len(texts)
    if settings.text_pair is not None:
        pairs = Column.of(table, "calibration.text_pair", settings.text_pair).strings()
    step = max(len(table) / settings.samples, 1)
    rows = [int(at * step) for at in range(min(settings.samples, len(table)))]
    return CalibrationTexts([Query(texts[row], pairs[row]) for row in rows], table.digest)
