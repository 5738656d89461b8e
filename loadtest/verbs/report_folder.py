"""The folder that a report is written to."""

import errno
from pathlib import Path


def make_folder(folder: Path) -> None:
    """Make the folder and those above it, where they are not there yet.

    Raises:
        OSError: it cannot be made, or it is a file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as exc:
        raise NotADirectoryError(errno.ENOTDIR, "is a file; name a folder", str(folder)) from exc
