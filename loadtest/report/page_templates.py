"""The templates of all pages, with their filters."""

from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from loadtest.results.figures import milliseconds, plural

BYTES_PER_MIB = 2**20


def templates() -> Environment:
    """The environment of the templates.

    They escape what comes from outside, and fail on a name that they are not given.
    """
    environment = Environment(
        loader=PackageLoader("loadtest", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["milliseconds"] = milliseconds
    environment.filters["counted"] = plural
    environment.filters["pretty"] = pretty
    environment.filters["dollars"] = dollars
    environment.filters["mebibytes"] = mebibytes
    environment.filters["first_sentence"] = first_sentence
    environment.filters["other_sentences"] = other_sentences
    return environment


def dollars(value: float | None) -> str:
    """US dollars with three digits at least: `$0.0512`, `$12.3`, `$1,234`; – without a value."""
    if value is None:
        return "–"
    return f"${value:,.0f}" if value >= 1000 else f"${value:,.3g}"


def mebibytes(value: float) -> str:
    """`12.3 MiB`, `1,234 MiB`."""
    return f"{value / BYTES_PER_MIB:,.0f} MiB"


def pretty(values: Any) -> str:
    """JSON values as YAML, as a scenario file has them."""
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def first_sentence(text: str) -> str:
    """The text up to the first full stop that a space follows, which is included."""
    head, stop, _ = text.partition(". ")
    return head + stop.strip()


def other_sentences(text: str) -> str:
    """What follows the first sentence."""
    return text.partition(". ")[2]
