"""The files that sentence-transformers lays beside a model.

They say which modules make an embedding of the model's token embeddings.
"""

import json
from pathlib import Path
from typing import Any, get_args

from export.errors import RecipeError
from model_repository.postprocessing import Pooling

MODULES = "modules.json"
_PREFIX = "pooling_mode_"
_FLAGS: dict[str, Pooling] = {
    f"{_PREFIX}cls_token": "cls",
    f"{_PREFIX}max_tokens": "max",
    f"{_PREFIX}mean_tokens": "mean",
    f"{_PREFIX}lasttoken": "lasttoken",
}


def read_modules(folder: Path) -> tuple[Pooling, bool] | None:
    """(pooling, whether embeddings are normalized) as the files say; None where there are none.

    Raises:
        RecipeError: a module or a pooling that the backend does not have.
    """
    if not (folder / MODULES).is_file():
        return None
    modules = [(module["type"].rpartition(".")[2], module["path"]) for module in _json(folder / MODULES)]
    kinds = [kind for kind, _ in modules]
    if unknown := [kind for kind in kinds if kind not in ("Transformer", "Pooling", "Normalize")]:
        raise RecipeError(f"checkpoint: {folder / MODULES} has a module {unknown[0]}, which serving does not have")
    if "Pooling" not in kinds:
        raise RecipeError(f"checkpoint: {folder / MODULES} has no Pooling")
    path = next(path for kind, path in modules if kind == "Pooling")
    return _pooling(folder / path / "config.json"), "Normalize" in kinds


def _pooling(path: Path) -> Pooling:
    settings = _json(path)
    named = settings.get("pooling_mode")
    if named in get_args(Pooling):
        mode: Pooling = named
        return mode
    flags = [name for name, value in settings.items() if name.startswith(_PREFIX) and value is True]
    if len(flags) != 1 or flags[0] not in _FLAGS:
        raise RecipeError(
            f"checkpoint: {path} asks for {', '.join(flags) or named or 'no pooling'}; one of {', '.join(_FLAGS.values())} is known"
        )
    return _FLAGS[flags[0]]


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise RecipeError(f"checkpoint: {path} cannot be read: {exc}") from exc
