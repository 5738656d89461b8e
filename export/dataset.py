"""The evaluation set: one JSON object a line, with a text and the name of its right label."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from export.errors import RecipeError
from export.recipe import Recipe
from export.tasks.task import Ints
from model_repository.manifest import file_digest


@dataclass(frozen=True)
class Dataset:
    """`texts` and the names of their right `labels`; `name` as the recipe writes it, `digest` of the file."""

    name: str
    texts: Sequence[str]
    labels: Sequence[str]
    digest: str

    def label_indices(self, names: Sequence[str]) -> Ints:
        """The right labels [examples] as indices into the model's label names.

        Raises:
            RecipeError: a label that the model does not have.
        """
        index = {name: at for at, name in enumerate(names)}
        for line, label in enumerate(self.labels, start=1):
            if label not in index:
                raise RecipeError(
                    f"evaluation.data: example {line} of {self.name} has the label {label!r}, and the model's are {', '.join(names)}; "
                    "correct the data, or name the model's labels in the recipe's field labels"
                )
        return np.array([index[label] for label in self.labels], dtype=np.int64)


def read(recipe: Recipe) -> Dataset:
    """Read a recipe's evaluation set.

    Raises:
        RecipeError: no such file, or a line that is not as the recipe says; the line is named.
    """
    evaluation = recipe.evaluation
    path = recipe.path(evaluation.data)
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as exc:
        raise RecipeError(f"evaluation.data: {path} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise RecipeError(f"evaluation.data: {path} is not UTF-8: {exc}") from exc
    texts, labels = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as exc:
            raise RecipeError(f"evaluation.data: line {number} of {path} is not JSON: {exc}") from exc
        for field, name in (("text", evaluation.text), ("label", evaluation.label)):
            if not isinstance(row, dict) or not isinstance(row.get(name), str):
                raise RecipeError(f"evaluation.{field}: line {number} of {path} has no field {name!r} that holds a string")
        texts.append(row[evaluation.text])
        labels.append(row[evaluation.label])
    if not texts:
        raise RecipeError(f"evaluation.data: {path} holds no example")
    return Dataset(str(evaluation.data), texts, labels, file_digest(path))
