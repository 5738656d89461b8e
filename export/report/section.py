"""What a section of the report is made of, whatever it tells."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup


@dataclass(frozen=True)
class Table:
    """Rows of text.

    `numbers` are the columns that are aligned right, `strong` is the row that was chosen; `stacked`
    says that a row of few short and some long cells stands under itself on a narrow page.
    """

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    numbers: frozenset[int] = frozenset()
    strong: int | None = None
    stacked: bool = False


@dataclass(frozen=True)
class Section:
    """A heading, what it says in words, its plots by title, its tables."""

    title: str
    notes: list[str] = field(default_factory=list)
    plots: list[tuple[str, Markup]] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    wide: bool = False
