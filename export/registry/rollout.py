"""Changes to a model that is being served.

`config.pbtxt` changes first, then Triton loads the model again; a change that Triton refuses is
undone. Triton keeps the versions that it serves until the new ones are ready, so requests are
answered all the time. It takes a change whole or not at all: where one version in service does not
load, it keeps the versions and the configuration that it had.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from export.errors import ExportError
from export.registry.model_folder import lock, versions, write_config
from export.registry.running_triton import RunningTriton, TritonLost, TritonRefused
from model_repository import config
from model_repository.config import ModelConfig
from model_repository.serving import out_of_service

Change = Callable[[ModelConfig], object]


def apply(repository: Path, model: str, triton: RunningTriton | None, change: Change = lambda _: None) -> None:
    """Change a model's configuration and let Triton load it.

    Raises:
        ExportError: Triton does not answer, or a version in service does not load; the
            configuration is as it was.
        KeyboardInterrupt: with what Triton may do all the same, where it was told.
    """
    folder = repository / model
    with lock(folder), _undone_on_error(folder / config.FILE), _may_go_on(model) if triton else nullcontext():
        new = write_config(folder, change)
        if triton is None:
            return
        if set(versions(folder)) <= out_of_service(new):
            triton.unload(model)  # Triton refuses to load a model without versions
            return
        try:
            triton.load(model)
        except TritonRefused as exc:
            raise ExportError(
                f"{exc}. Nothing was changed; a version that does not load can be taken out of service with `unload {model}/VERSION`"
            ) from exc


def announce(repository: Path, model: str, triton: RunningTriton, change: Change) -> bool:
    """Let gateways see a change while Triton still serves all versions.

    Returns whether Triton shows the change.

    Raises:
        ExportError: Triton does not answer; the configuration is as it was.
    """
    folder = repository / model
    try:
        with lock(folder), _undone_on_error(folder / config.FILE), _may_go_on(model):
            announced = write_config(folder)
            change(announced)
            config.write(folder / config.FILE, announced)  # its version policy is still the old one
            triton.load(model)
    except TritonRefused:
        return False  # the version that is to leave may be the one that does not load
    return True


@contextmanager
def _may_go_on(model: str) -> Iterator[None]:
    """Say how a Triton that may have a change which is undone here comes to what is here."""
    remedy = f"Triton may take the change all the same: once it answers, `load {model}` lets it load what the repository says"
    try:
        yield
    except TritonLost as exc:
        raise ExportError(f"{exc}. The configuration is as it was; {remedy}") from exc
    except KeyboardInterrupt:
        raise KeyboardInterrupt(remedy) from None


@contextmanager
def _undone_on_error(path: Path) -> Iterator[None]:
    """Put the configuration back after an error; Triton serves what it did before, unasked."""
    before = path.read_bytes() if path.exists() else None
    try:
        yield
    except BaseException:
        if before is None:
            path.unlink(missing_ok=True)
        else:
            part = path.with_suffix(".part")
            part.write_bytes(before)
            part.replace(path)
        raise
