"""What a process is called in a report. Pure.

The name comes from the command line. Nothing else of the command line is kept, since it may hold
keys.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import PurePath
from typing import NamedTuple

CACHES = {"valkey-server", "redis-server"}
TRITON, STUB = "tritonserver", "triton_python_backend_stub"
_MODEL_FILE = re.compile(r"/(?P<model>[^/]+)/(?P<version>\d+)/[^/]+$")
_INSTANCE = re.compile(r"_(?P<instance>\d+)$")


GENERATOR_MODULE = "loadtest.generator"
HELPER = "multiprocessing.resource_tracker"


class ProcessName(NamedTuple):
    """A name for people, and the part of the stack that the process is of (`observed.ROLES`)."""

    name: str
    role: str


def name_process(command: Sequence[str], fallback: str = "?") -> ProcessName:
    """The name of a process with this command line; `fallback` is the kernel's name for it."""
    program = PurePath(command[0].partition(" ")[0]).name if command else fallback
    if program == TRITON:
        return ProcessName(TRITON, "triton")
    if program == STUB:
        return ProcessName(_name_stub(command), "triton")
    if program in CACHES:
        return ProcessName(program, "cache")
    if GENERATOR_MODULE in _modules(command):
        return ProcessName("load generator", "generator")
    if "gateway" in _modules(command) or any(PurePath(part).name == "headrace-gateway" for part in command[:2]):
        return ProcessName("gateway", "gateway")
    return ProcessName(fallback if program.startswith("python") else program, "other")


def describe_process(command: Sequence[str], fallback: str) -> str:
    """What an unknown process is called where one is named to people: `python -m pytest`."""
    name, modules = name_process(command, fallback).name, _modules(command)
    return f"{name} -m {modules[0]}" if name == fallback and modules else name


def is_helper(command: Sequence[str]) -> bool:
    """Whether the process only cleans up after Python's multiprocessing: it is worth no line."""
    return any(HELPER in part for part in command)


def number_equals(names: Sequence[ProcessName]) -> list[ProcessName]:
    """The names with a number each, from 1 on, where several are equal."""
    counts = {name: names.count(name) for name in names}
    seen: dict[ProcessName, int] = {}
    numbered = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        numbered.append(name if counts[name] == 1 else name._replace(name=f"{name.name} {seen[name]}"))
    return numbered


def metrics_address(command: Sequence[str]) -> str | None:
    """Where a tritonserver with this command line shows its metrics, as `http://127.0.0.1:8002`.

    None where it shows none.
    """
    options = _options(command)
    if options.get("allow-metrics") in {"0", "false", "False"}:
        return None
    return f"http://{_host(options.get('metrics-address', options.get('http-address', '')))}:{options.get('metrics-port', '8002')}"


def http_address(command: Sequence[str]) -> str:
    """Where a tritonserver with this command line answers HTTP."""
    options = _options(command)
    return f"http://{_host(options.get('http-address', ''))}:{options.get('http-port', '8000')}"


def _name_stub(command: Sequence[str]) -> str:
    model = next((found for part in command[1:2] if (found := _MODEL_FILE.search(part))), None)
    if model is None:
        return "Triton stub"
    instance = next(
        (found["instance"] for part in command[2:] if part.startswith(model["model"]) and (found := _INSTANCE.search(part))), ""
    )
    return f"stub of {model['model']} version {model['version']}" + (f", instance {int(instance) + 1}" if instance else "")


def _modules(command: Sequence[str]) -> list[str]:
    return [name for flag, name in pairwise(command) if flag == "-m"]


def _options(command: Sequence[str]) -> dict[str, str]:
    given = (part[2:].partition("=") for part in command if part.startswith("--"))
    return {name: value for name, _, value in given}


def _host(listening: str) -> str:
    """The address at which to ask a server that listens on `listening`."""
    return "127.0.0.1" if listening in {"", "0.0.0.0", "::"} else listening  # noqa: S104 - compared, not bound
