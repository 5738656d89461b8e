"""Arrivals as people write them on a command line.

`poisson`, `ramp:from_rps=10,to_rps=200`, `step:rates_rps=100/200/400`, `trace:FILE`
"""

from dataclasses import fields
from typing import Any

from loadtest.arrivals.process import PROCESSES, ArrivalsError


def parse_arrivals(text: str, rate_rps: float | None = None) -> dict[str, Any]:
    """The fields of arrivals, as JSON values.

    `rate_rps` is the rate of the process where the text gives none.

    Raises:
        ArrivalsError: there is no such process, or it has no such field.
    """
    process, _, rest = text.partition(":")
    kind = PROCESSES.get(process)
    if kind is None:
        raise ArrivalsError(f"there are no arrivals named {process!r}; there are {', '.join(PROCESSES)}")
    known = [entry.name for entry in fields(kind)]
    values: dict[str, Any] = {"process": process}
    if process == "trace":
        values["path"] = rest
    else:
        for pair in filter(None, rest.split(",")):
            name, equals, value = pair.partition("=")
            if not equals or name not in known:
                raise ArrivalsError(f"{process} arrivals have {', '.join(known)}, each as NAME=VALUE; {pair!r} is none of them")
            values[name] = _value(name, value)
    if rate_rps is not None:
        if "rate_rps" not in known:
            raise ArrivalsError(f"{process} arrivals have no rate of their own; they have {', '.join(known)}")
        values.setdefault("rate_rps", rate_rps)
    return values


def _value(name: str, text: str) -> Any:
    if name == "spacing":
        return text
    try:
        return [float(part) for part in text.split("/")] if name == "rates_rps" else float(text)
    except ValueError as exc:
        raise ArrivalsError(f"{name} must be a number, not {text!r}") from exc
