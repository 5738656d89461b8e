"""Changes to a model that is being served: `config.pbtxt` first, then Triton loads it anew. What Triton does not take is undone.

Triton keeps the versions that it serves until the new ones are ready, so requests go on being answered meanwhile.
"""

from collections.abc import Callable, Collection
from pathlib import Path

from tritonclient.grpc.model_config_pb2 import ModelConfig

from export.errors import ExportError
from export.model_folder import lock, versions, write_config
from export.running_triton import RunningTriton, TritonRefused
from model_repository import config
from model_repository.serving import out_of_service


def apply(
    repository: Path,
    model: str,
    triton: RunningTriton | None,
    change: Callable[[ModelConfig], object] = lambda _: None,
    needed: Collection[int] = (),
) -> str | None:
    """Change a model's configuration and let Triton load it; returns Triton's complaint about versions other than those `needed`.

    Raises:
        ExportError: Triton does not answer, or a version of `needed` is not ready; the configuration is as it was.
    """
    folder = repository / model
    path = folder / config.FILE
    with lock(folder):
        before = path.read_bytes() if path.exists() else None
        new = write_config(folder, change)
        if triton is None:
            return None
        try:
            return _load(triton, folder, new, needed)
        except ExportError:
            _restore(path, before)
            raise


def announce(repository: Path, model: str, triton: RunningTriton, change: Callable[[ModelConfig], object]) -> None:
    """Let gateways see a change in Triton's answer while Triton serves the versions that it served before.

    Raises:
        ExportError: Triton does not answer; the configuration is as it was.
    """
    folder = repository / model
    path = folder / config.FILE
    with lock(folder):
        before = path.read_bytes() if path.exists() else None
        served = write_config(folder)
        changed = type(served)()
        changed.CopyFrom(served)
        change(changed)
        config.write(path, changed)  # its version policy is still the old one
        try:
            triton.load(model)
        except TritonRefused:
            return  # a version that does not load has nothing to lose
        except ExportError:
            _restore(path, before)
            raise


def _load(triton: RunningTriton, folder: Path, new: ModelConfig, needed: Collection[int]) -> str | None:
    if not set(versions(folder)) - out_of_service(new):
        triton.unload(folder.name)  # Triton refuses to load a model without versions
        return None
    try:
        triton.load(folder.name)
    except TritonRefused as exc:
        states = triton.states()
        unready = [version for version in needed if (state := states.get((folder.name, version))) is None or not state.ready]
        if unready:
            raise
        return str(exc)
    return None


def _restore(path: Path, before: bytes | None) -> None:
    """Put the configuration back; Triton, which serves what it served, need not be told."""
    if before is None:
        path.unlink()
    else:
        part = path.with_suffix(".part")
        part.write_bytes(before)
        part.replace(path)
