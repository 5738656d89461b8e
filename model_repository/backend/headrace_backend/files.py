"""Whether a version's files are as in its manifest."""

import hashlib
from collections.abc import Mapping
from pathlib import Path


class FileError(RuntimeError):
    """A file was changed after it was packaged; the message names it."""


def require_unchanged(version: Path, digests: Mapping[str, str]) -> None:
    """Compare files in a version's folder with their digests, `sha256:<hex>` by file name.

    Raises:
        FileError: another digest.
        OSError: a file is gone.
    """
    for name, expected in digests.items():
        with (version / name).open("rb") as file:
            found = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        if found != expected:
            raise FileError(f"{name} has the digest {found}, and the manifest says {expected}: it was changed after it was packaged.")
