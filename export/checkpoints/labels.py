"""The names of a model's labels.

They come from the adapter's configuration, the recipe, or the checkpoint's configuration, in this
order.
"""

import re
from pathlib import Path

from export.checkpoints.json_file import read_object
from export.errors import RecipeError

_PLACEHOLDER = re.compile(r"LABEL_\d+")


def resolve(checkpoint: Path, adapter: Path | None, recipe_labels: tuple[str, ...] | None) -> tuple[str, ...]:
    """The label names, in the order of the model's outputs.

    Raises:
        RecipeError: no source names them, or the adapter and the recipe disagree.
    """
    if adapter is not None:
        names = _named(adapter / "config.json")
        if names and recipe_labels and names != recipe_labels:
            raise RecipeError(
                f"labels: the recipe says {', '.join(recipe_labels)}, and {adapter / 'config.json'} says {', '.join(names)}; "
                "remove the field from the recipe or correct one of them"
            )
        if names:
            return names
    if recipe_labels:
        return recipe_labels
    if names := _named(checkpoint / "config.json"):
        return names
    raise RecipeError(
        f"labels: {'neither the adapter nor' if adapter else 'not even'} the checkpoint's config.json names them; "
        "add labels: [first, second, …] to the recipe, in the order of the head's outputs"
    )


def _named(config: Path) -> tuple[str, ...] | None:
    """`id2label` of a transformers configuration.

    None where it has none, or only the placeholders LABEL_0, LABEL_1 …
    """
    if not config.is_file():
        return None
    names = read_object(config, "labels").get("id2label")
    if not names:
        return None
    try:
        labels = tuple(_name(names[str(index)]) for index in range(len(names)))
    except (ValueError, KeyError, TypeError) as exc:
        raise RecipeError(
            f"labels: {config} has an id2label that is not numbered 0, 1, 2 … or holds other things than names; correct it, or add "
            "labels: [first, second, …] to the recipe"
        ) from exc
    return None if all(map(_PLACEHOLDER.fullmatch, labels)) else labels


def _name(written: object) -> str:
    """A label's name: numbers are names, too."""
    if isinstance(written, str | int | float):
        return str(written)
    raise TypeError
