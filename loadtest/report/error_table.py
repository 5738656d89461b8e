"""Failures for a table: reasons that differ only in their numbers are one row. Pure."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from loadtest.results.errors import Fault

_NUMBER = re.compile(r"\d[\d.,]*\d|\d")
ANY_NUMBER = "…"


class ErrorRow(NamedTuple):
    """`reason` has … for numbers that differ; status 0 means that no answer came."""

    status: int
    reason: str
    requests: int


def error_table(faults: Iterable[Fault]) -> list[ErrorRow]:
    """The rows, those with the most requests first."""
    alike: dict[tuple[int, str], list[Fault]] = {}
    for fault in faults:
        alike.setdefault((fault.status, _NUMBER.sub(ANY_NUMBER, fault.reason)), []).append(fault)
    rows = [
        ErrorRow(status, shape if len(found) > 1 else found[0].reason, sum(fault.requests for fault in found))
        for (status, shape), found in alike.items()
    ]
    return sorted(rows, key=lambda row: -row.requests)
