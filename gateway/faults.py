"""Values that do not fit a pydantic model, as sentences: which field, and what it must be. Pure.

A sentence holds the place and the library's own message, never the value, which may be a secret or
a client's text. The library's error quotes the value, so a caller whose error goes to a client or
into a log raises it `from None`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from gateway.printable import printable

Place = tuple[int | str, ...]
UNKNOWN_FIELD = "unknown_field"
"""The kind of the fault of an unknown field where a model has a rule of its own for such fields."""
_NOT_JSON, _OWN = "json_invalid", "Value error, "
_UNKNOWN_FIELD = ("extra_forbidden", UNKNOWN_FIELD)
MAX_FAULTS = 1000
"""More are not read, because each becomes an object. Lists end at their first fault, so what has
more is an object with as many fields that are not known."""
MAX_NAME_CHARS = 64
# the names of fields look so; longer ones may be a text or a key that landed in the wrong place
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")


class Fault(NamedTuple):
    """One value that does not fit its pydantic model.

    `place` leads to its field from the outside in; `kind` is pydantic's name for what is wrong.
    """

    place: Place
    kind: str
    message: str
    not_json: str | None = None
    """Why the text cannot be read as JSON; None if it can."""

    @property
    def unknown_field(self) -> bool:
        """Whether the last part of `place` is a field that the model does not have.

        Its name is the client's own text, which is repeated only where it is `plainly_named`.
        """
        return self.kind in _UNKNOWN_FIELD

    @property
    def plainly_named(self) -> bool:
        """Whether the last part of `place` looks like the name of a field."""
        return bool(self.place) and _PLAIN.fullmatch(str(self.place[-1])) is not None

    @property
    def known_place(self) -> Place:
        """The part of `place` that the model has."""
        return self.place[:-1] if self.unknown_field else self.place

    @property
    def sentence(self) -> str:
        """`the.field: what it must be`; only the latter if the whole value is at fault."""
        return f"{dotted(self.place)}: {self.message}" if self.place else self.message

    @property
    def sentence_of_unknown_field(self) -> str:
        """The sentence for an `unknown_field` of a request's body."""
        if self.plainly_named:
            return f"{dotted(self.place)}: there is no such field; see /docs"
        return f"{dotted(self.known_place) or 'the body'} has a field that is not known; see /docs"


def dotted(place: Place) -> str:
    """A place as it is shown: `instances.0.text`.

    A name in it may be a key of the client's own: of each, at most `MAX_NAME_CHARS` characters are
    shown, and none that cannot be printed.
    """
    return ".".join(printable(str(part), MAX_NAME_CHARS) for part in place)


def faults(error: ValidationError) -> list[Fault]:
    """The faults in the order in which the library found them; there is at least one."""
    if error.error_count() > MAX_FAULTS:
        return [Fault(("…",), UNKNOWN_FIELD, f"more than {MAX_FAULTS} fields are not known")]
    return faults_of(error.errors(include_input=False, include_url=False))


def faults_of(details: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """The faults in a list of details, as `errors()` of pydantic and FastAPI returns it."""
    return [
        Fault(
            place=tuple(one["loc"]),
            kind=one["type"],
            message=one["msg"].removeprefix(_OWN),
            not_json=one["ctx"]["error"] if one["type"] == _NOT_JSON else None,
        )
        for one in details
    ]


def all_in_one(error: ValidationError) -> str:
    """All faults on one line."""
    return "; ".join(fault.sentence for fault in faults(error))
