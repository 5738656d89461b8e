"""Room on the disk: looked at before the long work, and named where it ran out."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from export.errors import ExportError
from export.recipe.recipe import Recipe

FULL_BYTES = 1 << 20
"""With less than this free a disk is full: what failed, failed for that."""
MARGIN_BYTES = 4 << 20
"""For the tokenizer, the report and the like."""

_WORK = {"fp32": 1.0, "int8": 1.25, "fp16": 1.5, "auto": 1.25}
_PACKAGED = {"fp32": 1.0, "int8": 0.25, "fp16": 0.5, "auto": 0.25}
"""The least that graphs take of the checkpoint's bytes: as fp32, and as what is made of it.

A checkpoint in half precision takes twice as much: these are for telling early what cannot work.
"""


def require_room(recipe: Recipe, weights_bytes: int, repository: Path, work: Path) -> None:
    """Require room for intermediate files and for the version.

    Raises:
        ExportError: there is less than the least that they take; the message names both numbers.
    """
    needed = {
        "--work": (work, int(weights_bytes * _WORK[recipe.precision]) + MARGIN_BYTES),
        "--repository": (repository, int(weights_bytes * _PACKAGED[recipe.precision]) + MARGIN_BYTES),
    }
    same = repository.stat().st_dev == work.stat().st_dev
    for option, (folder, least) in needed.items():
        total = sum(size for _, size in needed.values()) if same else least
        if (free := shutil.disk_usage(folder).free) < total:
            raise ExportError(
                f"{folder} has {free / 1e6:,.0f} MB free, and this export needs {total / 1e6:,.0f} MB at least: "
                f"make room, or choose another folder with {option}"
            )


@contextmanager
def full_disk_named(folders: Sequence[Path]) -> Iterator[None]:
    """Say that a disk is full where that is why something failed, whatever a library says of it.

    Raises:
        ExportError: a disk was full, or a file could not be read or written.
    """
    try:
        yield
    except Exception as exc:
        for folder in folders:
            if _free(folder) < FULL_BYTES:
                raise ExportError(f"the disk of {folder} is full: make room, and run the same again; the repository is as it was") from exc
        if isinstance(exc, OSError):
            place = f"{exc.filename}: " if exc.filename else ""
            raise ExportError(f"{place}{exc.strerror or exc}; the repository is as it was") from exc
        raise


def _free(folder: Path) -> int:
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(existing).free
