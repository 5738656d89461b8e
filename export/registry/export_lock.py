"""One export of a version at a time: a lock that goes with the process and names it."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from export.errors import ExportError


@contextmanager
def exclusive(model: str, version: int, repository: Path, work: Path) -> Iterator[None]:
    """Hold a version of a repository, and its folder of intermediate files, against other exports.

    Raises:
        ExportError: another export holds one of them, or a folder cannot be written.
    """
    with ExitStack() as stack:
        for option, folder in (("--repository", repository), ("--work", work)):
            made = _made(folder, option)
            stack.callback(_remove_empty, made)
            stack.enter_context(_held(folder / f".{model}-{version}.lock", option, model, version))
        yield


@contextmanager
def _held(path: Path, option: str, model: str, version: int) -> Iterator[None]:
    descriptor = _locked(path, option, model, version)
    try:
        _write(descriptor, {"pid": os.getpid(), "since": time.strftime("%H:%M")}, path, option)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _locked(path: Path, option: str, model: str, version: int) -> int:
    """The open file, locked; one that its last holder removed in the meantime is not the lock."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as exc:
            raise ExportError(_unwritable(path.parent, option, exc)) from exc
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        except FileNotFoundError:
            pass
        except BlockingIOError as exc:
            os.close(descriptor)
            raise ExportError(_refusal(path, model, version)) from exc
        os.close(descriptor)


def _write(descriptor: int, holder: dict[str, Any], path: Path, option: str) -> None:
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(holder).encode())
    except OSError as exc:
        raise ExportError(_unwritable(path.parent, option, exc)) from exc


def _refusal(path: Path, model: str, version: int) -> str:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        who = f"process {holder['pid']}, since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process"
    return (
        f"{model} version {version} is being exported by {who} ({path} is its lock): wait until it has ended, or end it; "
        "of two exports of one version the later one would take the files of the other away"
    )


def _made(folder: Path, option: str) -> list[Path]:
    """Make a folder and its parents; returns those that were missing, innermost first."""
    try:
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ExportError(_unwritable(folder, option, exc)) from exc
    return missing


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:  # it is used now
            return


def _unwritable(folder: Path, option: str, exc: OSError) -> str:
    return f"{folder} cannot be written ({exc.strerror}): make it writable, or choose another folder with {option}"
