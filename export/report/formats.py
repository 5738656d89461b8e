"""How numbers are written in a report, the same in HTML and Markdown."""

from model_repository.measured import Comparison


def milliseconds(value: float) -> str:
    """With three significant digits or so: `0.84 ms`, `12.3 ms`, `1,240 ms`."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} ms"


def megabytes(size_bytes: int | None) -> str:
    """`23.1 MB`, with at least three digits; `–` for None."""
    if size_bytes is None:
        return "–"
    return f"{size_bytes / 1e6:,.1f} MB" if size_bytes >= 10e6 else f"{size_bytes / 1e6:.3g} MB"


def score(value: float | None) -> str:
    """Four digits after the point, as the export prints them."""
    return "–" if value is None else f"{value:.4f}"


def small(value: float) -> str:
    """A signed small number: `+0.0123`, `-1.2e-07`."""
    return "0" if value == 0 else f"{value:+.3g}"


def percent(share: float | None) -> str:
    """`99.2%`, never rounded up to all."""
    if share is None:
        return "–"
    return f"{share:.1%}" if share == 1 or share < 0.9995 else f"{share:.3%}" if share < 0.99999 else "almost 100%"


def interval(found: Comparison) -> str:
    """`-0.0010 to 0.0020`; `–` without an interval."""
    return "–" if found.interval is None else f"{found.interval.low:.4f} to {found.interval.high:.4f}"
