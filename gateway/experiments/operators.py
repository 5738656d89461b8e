"""The operators of conditions that compare an attribute with what the condition holds.

Each makes a test of its operand when the condition is compiled. They mean what they mean in
GrowthBook's SDKs; an attribute that a unit does not have is null.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from pydantic import JsonValue

from gateway.experiments import pattern
from gateway.experiments.javascript import is_number, order_of, same, type_of
from gateway.experiments.versions import sortable

Test = Callable[[JsonValue], bool]
Compiler = Callable[[JsonValue], Test]
"""Makes a test of an operand; raises ValueError with what the operand must be."""
MAX_VALUES = 1000
TYPES = ("array", "boolean", "null", "number", "object", "string")


def equal_to(expected: JsonValue, *, ignore_case: bool = False) -> Test:
    """Whether a value is the same, of the same type; lists and objects by what they hold."""
    if isinstance(expected, str) and ignore_case:
        lower = expected.lower()
        return lambda value: isinstance(value, str) and value.lower() == lower
    if isinstance(expected, str):
        return lambda value: value == expected
    if expected is None or isinstance(expected, bool):
        return lambda value: value is expected
    if isinstance(expected, (int, float)):
        return lambda value: is_number(value) and value == expected
    return partial(same, expected)


def negated(test: Test) -> Test:
    """The opposite of a test."""
    return lambda value: not test(value)


def _equal(operand: JsonValue) -> Test:
    return equal_to(_scalar(operand))


def _compared(compare: Callable[[Any, Any], bool]) -> Compiler:
    """Numbers are compared with numbers, and texts with texts."""

    def compiled(operand: JsonValue) -> Test:
        if isinstance(operand, str):
            order = order_of(operand)
            return lambda value: isinstance(value, str) and compare(order_of(value), order)
        if is_number(operand):
            return lambda value: is_number(value) and compare(value, operand)
        raise ValueError("must be a number or a text")

    return compiled


def _versions(compare: Callable[[Any, Any], bool], *, of_another_type: bool = False) -> Compiler:
    def compiled(operand: JsonValue) -> Test:
        if not isinstance(operand, str) and not is_number(operand):
            raise ValueError("must be a version as a text, such as 1.2.0")
        expected, is_text = sortable(operand), isinstance(operand, str)

        def test(value: JsonValue) -> bool:
            comparable = isinstance(value, str) if is_text else is_number(value)
            return compare(sortable(value), expected) if comparable else of_another_type

        return test

    return compiled


def _among(operand: JsonValue, *, ignore_case: bool = False) -> Test:
    """Whether a value, or one of a list's, is among those of the operand."""
    known = {_key(_scalar(one), ignore_case) for one in values(operand)}

    def is_known(value: JsonValue) -> bool:
        return not isinstance(value, (dict, list)) and _key(value, ignore_case) in known

    return lambda value: any(map(is_known, value)) if isinstance(value, list) else is_known(value)


def _key(value: JsonValue, ignore_case: bool) -> tuple[bool, JsonValue]:
    """A value as a set may hold it, in which 1 and true are two values."""
    return isinstance(value, bool), value.lower() if ignore_case and isinstance(value, str) else value


def _among_ignoring_case(operand: JsonValue) -> Test:
    return _among(operand, ignore_case=True)


def _matching(operand: JsonValue, *, ignore_case: bool = False) -> Test:
    found = pattern.search(_text(operand), ignore_case=ignore_case)
    return lambda value: isinstance(value, str) and found(value)


def _matching_ignoring_case(operand: JsonValue) -> Test:
    return _matching(operand, ignore_case=True)


def _existing(operand: JsonValue) -> Test:
    if not isinstance(operand, bool):
        raise ValueError("must be true or false")
    return lambda value: (value is not None) == operand


def _typed(operand: JsonValue) -> Test:
    if operand not in TYPES:
        raise ValueError(f"must be one of {', '.join(TYPES)}")
    return lambda value: type_of(value) == operand


def _not(compiler: Compiler) -> Compiler:
    return lambda operand: negated(compiler(operand))


OPERATORS: Final[Mapping[str, Compiler]] = {
    "$eq": _equal,
    "$ne": _not(_equal),
    "$lt": _compared(operator.lt),
    "$lte": _compared(operator.le),
    "$gt": _compared(operator.gt),
    "$gte": _compared(operator.ge),
    "$veq": _versions(operator.eq),
    "$vne": _versions(operator.ne, of_another_type=True),
    "$vlt": _versions(operator.lt),
    "$vlte": _versions(operator.le),
    "$vgt": _versions(operator.gt),
    "$vgte": _versions(operator.ge),
    "$in": _among,
    "$nin": _not(_among),
    "$ini": _among_ignoring_case,
    "$nini": _not(_among_ignoring_case),
    "$regex": _matching,
    "$regexi": _matching_ignoring_case,
    "$notRegex": _not(_matching),
    "$notRegexi": _not(_matching_ignoring_case),
    "$exists": _existing,
    "$type": _typed,
}


def values(operand: JsonValue) -> Sequence[JsonValue]:
    """The operand of an operator that takes a list.

    Raises:
        ValueError: it is no list, or too long.
    """
    if not isinstance(operand, list):
        raise ValueError("must be a list")
    if len(operand) > MAX_VALUES:
        raise ValueError(f"must be a list of at most {MAX_VALUES} values")
    return operand


def _scalar(operand: JsonValue) -> JsonValue:
    if isinstance(operand, (list, dict)):
        raise ValueError("must hold no list or object, since such are never equal here; compare them without an operator")
    return operand


def _text(operand: JsonValue) -> str:
    if not isinstance(operand, str):
        raise ValueError("must be a text")
    return operand
