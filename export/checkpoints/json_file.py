"""JSON files of checkpoints and adapters, which anybody may have written."""

import json
from pathlib import Path
from typing import Any

from export.errors import RecipeError

_POINTER = b"version https://git-lfs.github.com/spec/"


def read_object(path: Path, field: str = "checkpoint") -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        RecipeError: it cannot be read, is a git-lfs pointer, or no JSON object; the message names
            the recipe's `field`.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise RecipeError(f"{field}: {path} cannot be read: {exc.strerror}") from exc
    require_content(path, data, field)
    try:
        found = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as exc:
        raise RecipeError(f"{field}: {path} is not JSON ({' '.join(str(exc).split())}); fetch it again") from exc
    if not isinstance(found, dict):
        raise RecipeError(f"{field}: {path} holds {type(found).__name__} where a JSON object is needed; fetch it again")
    return found


def require_content(path: Path, beginning: bytes, field: str = "checkpoint") -> None:
    """Require a file to be more than a pointer to where its content lies.

    Raises:
        RecipeError: it is empty, or a git-lfs pointer.
    """
    if not beginning:
        raise RecipeError(f"{field}: {path} is empty; fetch it again")
    if beginning.startswith(_POINTER):
        raise RecipeError(f"{field}: {path} is a git-lfs pointer and not the file itself; fetch it with `git lfs pull` in its folder")
