"""Remove packaged versions: out of `config.pbtxt` and of Triton first, then from the disk."""

import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path

from export.registry import rollout
from export.registry.model_folder import STAGING, lock
from export.registry.running_triton import RunningTriton


def remove(repository: Path, model: str, removed: Collection[int], triton: RunningTriton | None) -> None:
    """Remove versions of a model.

    Raises:
        ExportError: Triton does not answer, or does not load the versions that stay; the versions
            are where they were.
    """
    # as an export's staging folder: if this is killed, the next export cleans up
    folder = Path(tempfile.mkdtemp(prefix=STAGING, dir=repository / model))
    moved = [(repository / model / str(version), folder / str(version)) for version in removed]
    with lock(folder):
        try:
            for source, target in moved:
                source.rename(target)
            rollout.apply(repository, model, triton)
        except BaseException:
            for source, target in moved:
                if target.exists():
                    target.rename(source)
            raise
        finally:
            shutil.rmtree(folder)
