"""Scenarios from and to JSON values.

Each field is checked against its type, and an error names the field with its path.
"""

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from loadtest.arrivals.process import PROCESSES, Arrivals
from loadtest.scenario.loop import ClosedLoop, Loop, OpenLoop

T = TypeVar("T")
NAMES: dict[type, str] = {str: "text", int: "a whole number", float: "a number", Path: "a path", bool: "true or false"}


def build(kind: type[T], values: Any, where: str) -> T:
    """An object of the dataclass `kind` from a mapping.

    Raises:
        ValueError: a field is missing, unknown or wrong; the message begins with its path, as in
            `workload.zipf.exponent`.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"{where or 'the scenario'} must be a mapping with the fields {_names(kind)}")
    known = {entry.name: entry for entry in fields(kind)}  # type: ignore[arg-type] # a dataclass, as is said above
    for name in values:
        if name not in known:
            raise ValueError(f"{_path(where, str(name))} is no field; there are {_names(kind)}")
    hints = get_type_hints(kind)
    given = {}
    for name, entry in known.items():
        if name in values:
            given[name] = _value(hints[name], values[name], _path(where, name))
        elif entry.default is MISSING and entry.default_factory is MISSING:
            raise ValueError(f"{_path(where, name)} is missing")
    try:
        return kind(**given)
    except ValueError as exc:
        raise ValueError(f"{where}: {exc}" if where else str(exc)) from exc


def loop_to_dict(loop: Loop) -> dict[str, Any]:
    """A loop with its `kind`; its arrivals with their `process`."""
    if isinstance(loop, ClosedLoop):
        return {"kind": loop.kind, "users": loop.users}
    return {
        "kind": loop.kind,
        "arrivals": arrivals_to_dict(loop.arrivals),
        "max_in_flight": loop.max_in_flight,
        "max_late_s": loop.max_late_s,
    }


def arrivals_to_dict(arrivals: Arrivals) -> dict[str, Any]:
    """Arrivals with the name of their `process`."""
    return {"process": arrivals.process, **asdict(arrivals)}  # type: ignore[call-overload] # every process is a dataclass


def plain(value: Any) -> Any:
    """Values as JSON has them: paths as text, tuples as lists."""
    if isinstance(value, Mapping):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence):
        return [plain(part) for part in value]
    return str(value) if isinstance(value, Path) else value


def _value(kind: Any, value: Any, where: str) -> Any:
    if kind == Loop:
        return _loop(value, where)
    if kind is Arrivals:
        return _chosen(PROCESSES, "process", value, where)
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        inner = next(part for part in get_args(kind) if part is not type(None))
        return None if value is None else _value(inner, value, where)
    if origin is tuple:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise ValueError(f"{where} must be a list")
        return tuple(_value(get_args(kind)[0], part, f"{where}[{index}]") for index, part in enumerate(value))
    if is_dataclass(kind):
        return build(kind, value, where)  # type: ignore[arg-type] # a class, as the hints are
    if origin is not None:  # a mapping of texts
        if not isinstance(value, Mapping):
            raise ValueError(f"{where} must be a mapping")
        return {str(name): str(part) for name, part in value.items()}
    return _scalar(kind, value, where)


def _scalar(kind: type, value: Any, where: str) -> Any:
    accepted = {float: (int, float), Path: (str, Path)}.get(kind, kind)
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{where} must be {NAMES[kind]}, not {value!r}")
    return kind(value)


def _loop(value: Any, where: str) -> Loop:
    loop: Loop = _chosen({ClosedLoop.kind: ClosedLoop, OpenLoop.kind: OpenLoop}, "kind", value, where)
    return loop


def _chosen(kinds: Mapping[str, Any], by: str, value: Any, where: str) -> Any:
    """An object of the class that the field `by` of a mapping names."""
    name = value.get(by) if isinstance(value, Mapping) else None
    if not isinstance(name, str) or name not in kinds:
        raise ValueError(f"{_path(where, by)} must be one of {', '.join(kinds)}")
    return build(kinds[name], {key: part for key, part in value.items() if key != by}, where)


def _path(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _names(kind: Any) -> str:
    return ", ".join(entry.name for entry in fields(kind))
