"""A version that was just packaged, offered by the Triton that runs already."""

from collections.abc import Sequence
from pathlib import Path

from export.errors import ExportError
from export.progress import Progress
from export.registry import rollout
from export.registry.running_triton import connect
from model_repository.running import Stack, elsewhere, find


def offer(repository: Path, model: str, version: int, triton: str | None, progress: Progress, *, packaged: bool) -> None:
    """Let the Triton at `triton`, or that of each stack that serves the repository, load a version.

    One that serves it already is told only where it was `packaged` anew.

    Raises:
        ExportError: Triton does not answer or does not load it; the version stays packaged.
    """
    stacks: Sequence[Stack | None] = [None] if triton else find(repository)
    if not stacks and (others := elsewhere(repository)):
        progress.say(unseen(others))
    for stack in stacks:
        url = triton or (stack.triton_grpc_url if stack else "")
        try:
            _load(repository, model, version, url, progress, packaged=packaged)
        except ExportError as exc:
            raise ExportError(f"{model} version {version} is packaged, and not served yet: {exc}") from exc
        if stack:
            progress.say(f"The running stack offers it at {stack.gateway_url}/v1/models/{model}.")


def unseen(stacks: Sequence[Stack]) -> str:
    """That stacks of other machines may serve the repository, and what tells them of a change."""
    urls = ", ".join(stack.gateway_url for stack in stacks)
    return (
        f"The repository is announced by a stack on another machine or in another container ({urls}), whose Triton does not answer from "
        "here: give --triton HOST:PORT to tell it of the change; where it has ended, remove its file .stack-*.json from the repository."
    )


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
