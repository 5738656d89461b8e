"""The names of a model's labels.

They come from the adapter's configuration, the recipe, or the checkpoint's configuration, in this
order.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from export.checkpoints.json_file import read_object
from export.errors import RecipeError

_PLACEHOLDER = re.compile(r"LABEL_\d+")


def resolve(
    checkpoint: Path,
    adapter: Path | None,
    recipe_labels: tuple[str, ...] | None,
    renamed: Mapping[str, str] = MappingProxyType({}),
    ignored: Collection[str] = (),
) -> tuple[str, ...]:
    """The label names, in the order of the model's outputs.

    `renamed` gives other names to labels that the adapter or checkpoint names; `ignored` are keys
    of their files that the recipe says change no answer.

    Raises:
        RecipeError: no source names them, a file contradicts itself, or the recipe contradicts the
            adapter or checkpoint.
    """
    source = checkpoint / "config.json"
    names = None
    if adapter is not None and (names := _named(adapter / "config.json", ignored)):
        source = adapter / "config.json"
    names = names or _named(source, ignored)
    if names and len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        if recipe_labels and len(recipe_labels) == len(names):
            return recipe_labels
        raise RecipeError(
            f"labels: {source} calls several outputs {twice!r} ({', '.join(names)}), and answers could not tell them apart; "
            f"add labels: with {len(names)} different names to the recipe, in the order of the head's outputs"
        )
    if renamed:
        return _renamed(names, renamed, source)
    if recipe_labels:
        if names and names != recipe_labels and _speaks_of_the_head(names, recipe_labels, source, adapter):
            raise RecipeError(_contradiction(names, recipe_labels, source))
        return recipe_labels
    if names:
        return names
    raise RecipeError(
        f"labels: {'neither the adapter nor' if adapter else 'not even'} the checkpoint's config.json names them; "
        "add labels: [first, second, …] to the recipe, in the order of the head's outputs"
    )


def _speaks_of_the_head(names: Sequence[str], recipe_labels: Sequence[str], source: Path, adapter: Path | None) -> bool:
    """Whether the names are of the head that answers.

    An adapter without names may bring a head of its own, to which the checkpoint's names, if they
    are others, do not belong.
    """
    of_the_checkpoint = adapter is not None and source.parent != adapter
    return not of_the_checkpoint or sorted(names) == sorted(recipe_labels)


def _contradiction(names: Sequence[str], recipe_labels: Sequence[str], source: Path) -> str:
    said = f"labels: the recipe says {', '.join(recipe_labels)}, and {source} says {', '.join(names)}"
    if len(names) != len(recipe_labels):
        return f"{said}: these are {len(recipe_labels)} and {len(names)} labels; remove the field from the recipe or correct one of them"
    other = {name: label for name, label in zip(names, recipe_labels, strict=True) if name != label}
    shown = ", ".join(f"{name}: {label}" for name, label in other.items())
    order = " in another order" if sorted(names) == sorted(recipe_labels) else ""
    return (
        f"{said}{order}; remove the field from the recipe or correct one of them. "
        f"If the labels are to be called otherwise, say so with rename_labels: {{{shown}}} in its place"
    )


def _renamed(names: Sequence[str] | None, renamed: Mapping[str, str], source: Path) -> tuple[str, ...]:
    if names is None:
        raise RecipeError(f"rename_labels: {source} names no labels; name all of them with labels: [first, second, …]")
    if unknown := [name for name in renamed if name not in names]:
        raise RecipeError(f"rename_labels: {source} names no label {unknown[0]!r}; it names {', '.join(names)}")
    found = tuple(renamed.get(name, name) for name in names)
    if len(set(found)) < len(found):
        raise RecipeError(f"rename_labels: the labels would be {', '.join(found)}, and each name may be there once")
    return found


def _named(config: Path, ignored: Collection[str]) -> tuple[str, ...] | None:
    """The names in a transformers configuration: `id2label`, or `label2id` where that has none.

    None where there are none, or only the placeholders LABEL_0, LABEL_1 …
    """
    if not config.is_file():
        return None
    settings = read_object(config, "labels")
    indices = {} if "label2id" in ignored else _indices(settings.get("label2id"), config)
    names = settings.get("id2label")
    if not names:
        return _in_order(indices)
    try:
        labels = tuple(_name(names[str(index)]) for index in range(len(names)))
    except (ValueError, KeyError, TypeError) as exc:
        raise RecipeError(
            f"labels: {config} has an id2label that is not numbered 0, 1, 2 … or holds other things than names; correct it, or add "
            "labels: [first, second, …] to the recipe"
        ) from exc
    if all(map(_PLACEHOLDER.fullmatch, labels)):
        found = _in_order(indices)
        return found if found is None or len(found) == len(labels) else None
    for name, index in indices.items():
        if not 0 <= index < len(labels) or labels[index].casefold() != name.casefold():
            said = f"{index}: {labels[index]!r}" if 0 <= index < len(labels) else f"{len(labels)} labels ({', '.join(labels)})"
            raise RecipeError(
                f"labels: {config} contradicts itself: id2label says {said}, and label2id says {name!r}: {index}; the checkpoint was "
                "trained by one of them: correct the other, or where id2label is right, add ignored_keys: [label2id] to the recipe"
            )
    return labels


def _indices(written: object, config: Path) -> dict[str, int]:
    """`label2id` without placeholders, which transformers leaves there where only `id2label` was
    given."""
    if written is None:
        return {}
    try:
        if not isinstance(written, dict):
            raise TypeError(written)
        return {name: int(index) for name, index in written.items() if not _PLACEHOLDER.fullmatch(name)}
    except (TypeError, ValueError, OverflowError) as exc:
        raise RecipeError(
            f"labels: {config} has a label2id that holds other things than a number for each name; correct it, or add ignored_keys: "
            "[label2id] to the recipe"
        ) from exc


def _in_order(indices: Mapping[str, int]) -> tuple[str, ...] | None:
    """The names that are numbered 0, 1, 2 …; None where they are not."""
    ordered = sorted(indices, key=indices.__getitem__)
    return tuple(ordered) if ordered and [indices[name] for name in ordered] == [*range(len(ordered))] else None


def _name(value: object) -> str:
    """A label's name; a number or a truth value is called as JSON writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return json.dumps(value)
    raise TypeError(f"{value!r} is no name")
