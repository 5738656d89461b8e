"""The commands as they are shown: what a reader can paste where they stand."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path


def program() -> list[str]:
    """The words that start this program: the interpreter that runs it, and its module.

    The interpreter is named from the current folder where it lies below it: `.venv/bin/python`.
    """
    interpreter = Path(sys.executable)
    here = Path.cwd()
    return [str(interpreter.relative_to(here) if interpreter.is_relative_to(here) else interpreter), "-m", "loadtest"]


def command_shown(arguments: Sequence[str]) -> str:
    """The command as typed, without the values of headers, which may be keys."""
    shown = list(arguments)
    for index, argument in enumerate(shown):
        if argument.startswith("--header=") or shown[max(index - 1, 0)] == "--header":
            shown[index] = argument.partition(":")[0] + ": …"
    return shlex.join([*program(), *shown])
