"""A version that was just packaged, offered by the Triton that runs already."""

from collections.abc import Sequence
from pathlib import Path

from export.errors import ExportError
from export.progress import Progress
from export.registry import rollout
from export.registry.running_triton import connect
from export.registry.stacks import tellable
from model_repository.running import Stack


def offer(repository: Path, model: str, version: int, triton: str | None, progress: Progress, *, packaged: bool) -> None:
    """Let the Triton at `triton`, or that of each stack that serves the repository, load a version.

    One that serves it already is told only where it was `packaged` anew.

    Raises:
        ExportError: Triton does not answer or does not load it, or a stack is up that cannot be
            told; the version stays packaged.
    """
    try:
        stacks: Sequence[Stack | None] = [None] if triton else tellable(repository, progress.say)
        for stack in stacks:
            url = triton or (stack.triton_grpc_url if stack else "")
            _load(repository, model, version, url, progress, packaged=packaged)
            if stack:
                progress.say(f"The running stack offers it at {stack.gateway_url}/v1/models/{model}.")
    except ExportError as exc:
        raise ExportError(f"{model} version {version} is packaged, and not served yet: {exc}") from exc


def _load(repository: Path, model: str, version: int, url: str, progress: Progress, *, packaged: bool) -> None:
    with connect(url) as client:
        if client is None:
            return
        state = client.states().get((model, version))
        if not packaged and state is not None and state.ready:
            return
        with progress.step("offer", f"Triton at {url} loads {model}") as step:
            rollout.apply(repository, model, client)
            step.note = f"Triton at {url} has it"
