"""The command line: `python -m export VERB …`; the verbs are in `export/verbs/`."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from export.errors import ExportError

VERBS = ("run", "show", "report", "verify", "service", "default", "gc", "transfer", "sign")
"""Families of verbs in `export.verbs`, in the order in which help lists them."""
INTERRUPTED = 130
"""What a shell makes of a program that Ctrl-C ended: 128 and the number of SIGINT."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code.

    It is 0, 1 for a step or check that failed, 2 for a recipe or command line that cannot be used,
    130 where it was interrupted.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        return _run(arguments)
    except ExportError as exc:
        print(f"export: {exc}", file=sys.stderr)
        return exc.exit_code
    except ModuleNotFoundError as exc:
        if _is_ours(exc):
            raise
        print(f"export: {_without_package(exc)}", file=sys.stderr)
        return 1
    except OSError as exc:
        place = f"{exc.filename}: " if exc.filename else ""
        print(f"export: {place}{exc.strerror or exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as exc:
        print("; ".join(["export: interrupted", "the repository is as it was", *map(str, exc.args)]), file=sys.stderr)
        return INTERRUPTED


def _run(arguments: Sequence[str]) -> int:
    # Ctrl-C and a missing package are answered here too: the libraries take a while to import
    from model_repository.serving import ServingError

    args = _parser(arguments).parse_args(arguments)
    try:
        code: int = args.handler(args)
    except ServingError as exc:
        raise ExportError(str(exc)) from exc
    return code


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m export", description="Checkpoint → ONNX → quantized → checked → packaged → promoted.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name in VERBS:
        family = import_module(f"export.verbs.{name}")
        family.add(verbs, arguments) if name == "run" else family.add(verbs)
    return parser


def _is_ours(exc: ModuleNotFoundError) -> bool:
    return (exc.name or "").partition(".")[0] in ("export", "model_repository")


def _without_package(exc: ModuleNotFoundError) -> str:
    usual = Path(".venv/bin/python")
    there = f"run {usual} -m export, which has it" if usual.exists() and Path(sys.executable) != usual.absolute() else ""
    installed = "install it into this environment: pip install 'headrace[cpu,export]'"
    return f"this Python ({sys.executable}) has no package {exc.name!r}, which export needs; {there or installed}"


if __name__ == "__main__":
    sys.exit(main())
