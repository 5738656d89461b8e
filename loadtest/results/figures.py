"""Figures as people read them: with two decimals below 10, one below 100, none above. Pure."""


def number(value: float) -> str:
    """`0.84`, `12.3`, `1,240`."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}"


def plural(count: float, singular: str, several: str | None = None) -> str:
    """`1 run`, `2 runs`, `1,240 runs`, `1.5 cores`; `several` is a plural that no s makes."""
    return f"{count:,.15g} {singular if count == 1 else several or singular + 's'}"


def milliseconds(value: float) -> str:
    """`0.84 ms`, `12.3 ms`, `1,240 ms`."""
    return f"{number(value)} ms"
