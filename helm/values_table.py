"""The table of a chart's values, made from the `# --` comments in its `values.yaml`.

    python -m helm.values_table        writes the table into helm/headrace/README.md

A comment that begins with `# --` documents the key below it and may go on over further lines. A
documented key is one row whatever is inside it. A key without such a comment has rows for the keys
inside it.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

CHART = Path(__file__).parent / "headrace"
BEGIN, END = "<!-- values: begin -->", "<!-- values: end -->"


class UndocumentedValue(ValueError):
    """A value without a `# --` comment; the message names it."""


class Row(NamedTuple):
    """A documented value: its dotted path, its default as JSON, and the text of its comment."""

    path: str
    default: str
    description: str


def rows(text: str) -> list[Row]:
    """The documented values of a `values.yaml`, in their order.

    Raises:
        UndocumentedValue: no comment documents a value.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return list(_rows(root, "", text.splitlines()))


def _rows(node: yaml.Node | None, prefix: str, lines: list[str]) -> Iterator[Row]:
    if not isinstance(node, yaml.MappingNode):
        raise UndocumentedValue(f"{prefix.rstrip('.')} has no `# --` comment")
    for key, value in node.value:
        path = f"{prefix}{key.value}"
        if description := _comment_above(lines, key.start_mark.line):
            yield Row(path, json.dumps(_plain(value), ensure_ascii=False), description)
        else:
            yield from _rows(value, f"{path}.", lines)


def _comment_above(lines: list[str], line: int) -> str:
    """The `# --` comment that ends above `line`, as one line; empty where there is none."""
    parts: list[str] = []
    while line and (match := re.fullmatch(r"\s*# ?(-- )?(.*)", lines[line := line - 1])):
        parts.insert(0, match[2].strip())
        if match[1]:
            return " ".join(parts)
    return ""


def _plain(node: yaml.Node) -> object:
    return yaml.safe_load(yaml.serialize(node))


def table(text: str) -> str:
    """The Markdown table of a `values.yaml`.

    Raises:
        UndocumentedValue: no comment documents a value.
    """
    lines = [("value", "default", "what it is"), ("---", "---", "---")]
    lines += [(f"`{row.path}`", f"`{row.default}`", row.description) for row in rows(text)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def with_table(readme: str, text: str) -> str:
    """`readme` with the table of `text` between the two markers."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{table(text)}\n\n{END}{after}"


def main() -> None:
    """Rewrite the table in README.md."""
    readme = CHART / "README.md"
    readme.write_text(with_table(readme.read_text(encoding="utf-8"), (CHART / "values.yaml").read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
