"""Conditions: (attributes of a unit) → whether it may take part, in GrowthBook's syntax.

A condition is compiled when its experiment is taken over, so that requests only call functions:

    {"country": {"$in": ["de", "at"]}, "$or": [{"plan": "pro"}, {"seats": {"$gte": 10}}]}

All entries of an object must hold. A dotted name leads into an attribute. What GrowthBook's SDKs do
not know, and would let no unit in for, is refused with a sentence.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeGuard

from pydantic import JsonValue

from gateway.experiments.javascript import at
from gateway.experiments.operators import OPERATORS, Test, equal_to, negated, values
from gateway.printable import printable

Attributes = Mapping[str, JsonValue]
NO_ATTRIBUTES: Final[Attributes] = {}
MAX_TESTS, MAX_DEPTH, MAX_NAME_CHARS = 200, 10, 200
_SAVED_GROUPS = ("$inGroup", "$notInGroup", "$savedGroup", "$savedGroups")
_GROUPS = "$groups"
"""An attribute, although it is named like an operator: GrowthBook's old name of a unit's groups."""
_OF_CONDITIONS = ("$or", "$nor", "$and")


class ConditionError(ValueError):
    """A condition that cannot be used; the message says where, and what must stand there."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition; it is equal to another of the same `source`."""

    source: Mapping[str, JsonValue]
    _test: Test = field(repr=False, compare=False)

    def holds(self, attributes: Attributes) -> bool:
        """Whether a unit with these attributes may take part."""
        return self._test(dict(attributes))


def compiled(source: Mapping[str, JsonValue]) -> Condition:
    """A condition that can be asked.

    Raises:
        ConditionError: it has an operator that is not known or whose operand does not fit, or it is
            too large.
    """
    _require_json(source, 0)
    return Condition(source, _Compiler().condition(source, ()))


class _Compiler:
    """Compiles one condition, and counts its tests; `place` is where it is, from the outside in."""

    def __init__(self) -> None:
        self._tests = 0

    def condition(self, given: JsonValue | Mapping[str, JsonValue], place: tuple[str, ...]) -> Test:
        """The test of an object's fields."""
        if not isinstance(given, Mapping):
            raise _fault(place, 'must be an object, such as {"country": "de"}')
        return _all([self._entry(key, value, (*place, key)) for key, value in given.items()])

    def _entry(self, key: str, given: JsonValue, place: tuple[str, ...]) -> Test:
        self._count(place)
        if key == "$not":
            return negated(self.condition(given, place))
        if key in _OF_CONDITIONS:
            tests = [self.condition(one, (*place, str(i))) for i, one in enumerate(_list(given, place))]
            if key == "$and":
                return _all(tests)
            return _any(tests) if key == "$or" else negated(_any(tests))
        if key.startswith("$") and key != _GROUPS:
            raise _unknown(key, place)
        path, test = tuple(key.split(".")), self.value(given, place)
        return lambda value: test(at(value, path))

    def value(self, given: JsonValue, place: tuple[str, ...], *, ignore_case: bool = False) -> Test:
        """The test of a value: by operators, or for being the same."""
        if not _is_operators(given):
            return equal_to(given, ignore_case=ignore_case)
        return _all([self._operator(name, operand, (*place, name)) for name, operand in given.items()])

    def _operator(self, name: str, operand: JsonValue, place: tuple[str, ...]) -> Test:
        self._count(place)
        if name == "$not":
            return negated(self.value(operand, place))
        if name == "$elemMatch":
            return self._element(operand, place)
        if name == "$size":
            size = self.value(operand, place)
            return lambda value: isinstance(value, list) and size(len(value))
        if name in ("$all", "$alli"):
            return self._each(operand, place, ignore_case=name == "$alli")
        if name not in OPERATORS:
            raise _unknown(name, place)
        try:
            return OPERATORS[name](operand)
        except ValueError as exc:
            raise _fault(place, str(exc)) from None

    def _element(self, operand: JsonValue, place: tuple[str, ...]) -> Test:
        """Whether an element of a list passes operators, or its fields a condition."""
        on_value = _is_operators(operand) and not any(key in operand for key in _OF_CONDITIONS)
        test = self.value(operand, place) if on_value else self.condition(operand, place)
        return lambda value: isinstance(value, list) and any(element is not None and test(element) for element in value)

    def _each(self, operand: JsonValue, place: tuple[str, ...], *, ignore_case: bool) -> Test:
        """Whether each of several tests holds for one of a list's elements."""
        tests = []
        for i, one in enumerate(_list(operand, place)):
            self._count(place)
            tests.append(self.value(one, (*place, str(i)), ignore_case=ignore_case))
        return lambda value: isinstance(value, list) and all(any(map(test, value)) for test in tests)

    def _count(self, place: tuple[str, ...]) -> None:
        self._tests += 1
        if self._tests > MAX_TESTS:
            raise _fault((), f"has more than {MAX_TESTS} tests; send an attribute that says what they find")
        if len(place[-1]) > MAX_NAME_CHARS:
            raise _fault(place, f"a name must be at most {MAX_NAME_CHARS} characters")


def _is_operators(given: JsonValue) -> TypeGuard[dict[str, JsonValue]]:
    """Whether a value is an object of operators alone; one that is empty lets all in."""
    return isinstance(given, dict) and all(key.startswith("$") for key in given)


def _all(tests: Sequence[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda value: all(test(value) for test in tests)


def _any(tests: Sequence[Test]) -> Test:
    """Whether one of the tests holds; none lets all in."""
    return lambda value: not tests or any(test(value) for test in tests)


def _list(given: JsonValue, place: tuple[str, ...]) -> Sequence[JsonValue]:
    try:
        return values(given)
    except ValueError as exc:
        raise _fault(place, str(exc)) from None


def _require_json(value: object, depth: int) -> None:
    """Require what JSON can hold, and that it is not nested deeply."""
    if depth > MAX_DEPTH:
        raise _fault((), f"must be nested at most {MAX_DEPTH} times")
    if (isinstance(value, float) and not math.isfinite(value)) or (isinstance(value, int) and abs(value) >= 2**1023):
        raise _fault((), "must hold finite numbers only")
    if isinstance(value, Mapping):
        for one in value.values():
            _require_json(one, depth + 1)
    elif isinstance(value, list):
        for one in value:
            _require_json(one, depth + 1)


def _unknown(name: str, place: tuple[str, ...]) -> ConditionError:
    if name in _SAVED_GROUPS:
        return _fault(place, "saved groups are GrowthBook's own; list the group's values with $in")
    known = sorted((*OPERATORS, "$all", "$alli", "$elemMatch", "$not", "$size"))
    return _fault(
        place, f"there is no such operator here; on a value there are {', '.join(known)}, and around conditions $and, $or, $nor, $not"
    )


def _fault(place: Sequence[str], message: str) -> ConditionError:
    return ConditionError(".".join(("condition", *(printable(part, 40) for part in place))) + f": {message}")
