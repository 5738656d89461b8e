"""Arguments that several verbs take, and how the verbs print."""

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from export.errors import ExportError
from export.progress import waiting
from export.registry.running_triton import RunningTriton, address, connect
from export.registry.stacks import tellable
from export.registry.version_name import MODEL, VersionName

DEFAULT_REPOSITORY = Path("model_repository/models")
TRITON_VARIABLE = "HEADRACE_TRITON_GRPC_URL"
WIDTH = 200
"""Of a table that goes into a pipe: nothing is cut off."""

Verbs = Any
"""What `ArgumentParser.add_subparsers` returns; argparse gives its class no public name."""
Handler = Callable[[argparse.Namespace], int]


def add_verb(verbs: Verbs, name: str, handler: Handler, help_text: str, description: str = "") -> argparse.ArgumentParser:
    """A verb without arguments."""
    sentence = help_text[0].upper() + help_text[1:] + "."
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=help_text, description=f"{sentence} {description}".strip())
    parser.set_defaults(handler=handler)
    return parser


def add_repository(parser: argparse.ArgumentParser) -> None:
    """`--repository`: the folder of packaged versions."""
    parser.add_argument(
        "--repository", type=Path, default=DEFAULT_REPOSITORY, metavar="DIR", help="where packaged versions lie (%(default)s)"
    )


def add_triton(parser: argparse.ArgumentParser) -> None:
    """`--triton`: the server that is to load the change."""
    parser.add_argument(
        "--triton",
        type=triton_address,
        metavar="HOST:PORT",
        default=os.environ.get(TRITON_VARIABLE) or None,
        help=f"gRPC endpoint of the running Triton that serves this repository (${TRITON_VARIABLE}); none: that of the stack that serves "
        "it on this machine, or without one only the files are changed",
    )


def add_unjudged(parser: argparse.ArgumentParser) -> None:
    """`--unjudged`: what nobody judged may become the default."""
    parser.add_argument(
        "--unjudged", action="store_true", help="let a version that was exported without an evaluation set become the default, too"
    )


def triton_address(text: str) -> str:
    """Type of the argument HOST:PORT."""
    try:
        return address(text)
    except ExportError as exc:
        given = f" (it is what {TRITON_VARIABLE} says)" if text == os.environ.get(TRITON_VARIABLE) else ""
        raise argparse.ArgumentTypeError(f"{exc}{given}") from exc


def triton_of(args: argparse.Namespace, *, to_change: bool = True) -> str | None:
    """The Triton that was given, or that of the stack that serves the repository, if any.

    Raises:
        ExportError: a stack is up that cannot be told of a change; where nothing is `to_change`,
            it is only said.
    """
    if args.triton:
        return str(args.triton)
    try:
        stacks = tellable(args.repository, tell)
    except ExportError as exc:
        if to_change:
            raise
        tell(str(exc))
        return None
    if len(stacks) > 1:
        others = ", ".join(stack.triton_grpc_url for stack in stacks[1:])
        chosen = f"{stacks[0].triton_grpc_url} is asked, and not {others}: --triton chooses"
        tell(f"several stacks serve {args.repository}; {chosen}")
    return stacks[0].triton_grpc_url if stacks else None


@contextmanager
def told(args: argparse.Namespace, model: str) -> Iterator[RunningTriton | None]:
    """The Triton that is to load a change of a model, if any, with a word about waiting for it."""
    with connect(triton_of(args)) as triton, waiting(f"Triton at {triton.url} loads {model}", tell) if triton else nullcontext():
        yield triton


def tell(sentence: str) -> None:
    """Tell the person at the terminal; it is no answer."""
    print(sentence, file=sys.stderr, flush=True)


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`: for scripts."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def version_name(text: str) -> VersionName:
    """Type of an argument MODEL/VERSION."""
    try:
        return VersionName.parse(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


def model_name(text: str) -> str:
    """Type of an argument MODEL."""
    if not re.fullmatch(MODEL, text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a model")
    return text


def model_or_version(text: str) -> tuple[str, int | None]:
    """Type of an argument MODEL[/VERSION]."""
    if "/" not in text:
        return model_name(text), None
    name = version_name(text)
    return name.model, name.version


def print_json(value: object) -> None:
    """Print JSON, indented."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; numbers are aligned right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for at, column in enumerate(columns):
        numbers = all(re.fullmatch(r"[\d.]+( \w+)?|–", row[at]) for row in rows)
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, markup=False)
    if console.is_terminal:
        console.print(table)
        return
    console = Console(highlight=False, markup=False, width=WIDTH)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        print(line.rstrip())


def triton_note(triton: RunningTriton | None, model: str) -> str:
    """What a verb prints about the running Triton after a change."""
    if triton:
        return f"Triton at {triton.url} has it."
    return f"No running Triton was told: give --triton HOST:PORT or set {TRITON_VARIABLE} with `load {model}`, or restart it."


def megabytes(size_bytes: int) -> str:
    """A size for people."""
    return f"{size_bytes / 1e6:.1f} MB"
