"""The stacks that serve a repository: which of them can be told of a change, and why not others."""

from collections.abc import Callable, Sequence
from pathlib import Path

from export.errors import ExportError
from model_repository.running import Stack, find, silent


def tellable(repository: Path, say: Callable[[str], object]) -> list[Stack]:
    """The stacks whose Triton can be told of a change, the one that started last first.

    `say` gets a sentence about others that may serve the repository.

    Raises:
        ExportError: on this machine a stack is up that cannot be told, and none that can.
    """
    found, others = find(repository), silent(repository)
    stacks = [stack for stack in found if stack.triton_grpc_url]
    untold = [_older(stack) for stack in found if not stack.triton_grpc_url] + [_mute(stack) for stack in others if stack.here]
    if untold and not stacks:
        raise ExportError(" ".join(untold))
    for sentence in untold:
        say(sentence)
    if not found and (unseen := [stack for stack in others if not stack.here]):
        say(_unseen(unseen))
    return stacks


def _older(stack: Stack) -> str:
    return (
        f"The stack at {stack.gateway_url} (process {stack.pid}) was started by another release, which does not say where its Triton "
        "takes gRPC: start it again."
    )


def _mute(stack: Stack) -> str:
    return (
        f"The stack at {stack.gateway_url} (process {stack.pid}) is up, and its Triton does not answer at {stack.triton_url}: "
        "start the stack again if that lasts."
    )


def _unseen(stacks: Sequence[Stack]) -> str:
    urls = ", ".join(stack.gateway_url for stack in stacks)
    return (
        f"The repository is announced by a stack on another machine or in another container ({urls}), whose Triton does not answer from "
        "here: give --triton HOST:PORT to tell it of the change; where it has ended, remove its file .stack-*.json from the repository."
    )
