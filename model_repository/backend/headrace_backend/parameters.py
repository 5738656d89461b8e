"""Parameters of one item: a JSON object, its values over the defaults of the packaged version."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from headrace_backend.errors import TextError

T = TypeVar("T")
MAX_NUMBER = 2**31 - 1


def read(raw: bytes, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of an item; a value has the type of its default (None takes any type).

    Raises:
        TextError: not a JSON object, an unknown name, or a value of another type.
    """
    if not raw:
        return dict(defaults)
    try:
        given = json.loads(raw)
    except (ValueError, RecursionError) as exc:
        raise TextError(f"The parameters are not JSON: {exc}.") from exc
    if not isinstance(given, dict):
        raise TextError("The parameters must be a JSON object.")
    for name, value in given.items():
        if name not in defaults:
            raise TextError(f"There is no parameter {name}; there are {', '.join(defaults)}.")
        default = defaults[name]
        if default is not None and type(value) is not type(default):
            raise TextError(f"The parameter {name} must be like {json.dumps(default)}.")
    return {**defaults, **given}


def one_of(parameters: Mapping[str, Any], name: str, choices: Mapping[str, T]) -> T:
    """What a parameter chooses.

    Raises:
        TextError: names the choices.
    """
    if parameters[name] not in choices:
        raise TextError(f"The parameter {name} must be one of {', '.join(choices)}.")
    return choices[parameters[name]]


def positive(parameters: Mapping[str, Any], name: str) -> int:
    """A whole number from 1 to 2³¹ - 1, which NumPy can reckon with.

    Raises:
        TextError: it is less or more.
    """
    value: int = parameters[name]
    if value < 1:
        raise TextError(f"The parameter {name} must be at least 1.")
    if value > MAX_NUMBER:
        raise TextError(f"The parameter {name} must be at most {MAX_NUMBER}.")
    return value
