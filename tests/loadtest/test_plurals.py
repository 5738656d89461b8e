"""Counts in sentences: `1 request`, `2 requests`, by one helper everywhere."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtest.results.figures import plural

ROOT = Path("loadtest")
COUNTED = (
    *("answers", "batches", "bytes", "cards", "calls", "configurations", "cores", "documents", "entries", "errors", "fields", "files"),
    *("gateways", "instances", "lines", "loads", "models", "pairs", "phases", "points", "predictions", "processes", "rates"),
    *("repetitions", "replicas", "requests", "results", "runs", "seconds", "texts", "tokens", "trials", "units", "users", "versions"),
    "workers",
)
_NOUN = re.compile(rf" ({'|'.join(COUNTED)})\b(?!/)")
_IN_TEMPLATE = re.compile(rf"{{{{(?P<value>[^}}]*)}}}} ({'|'.join(COUNTED)})\b(?!/)")
_WITH_DECIMALS = re.compile(r"\.\d[fg]")


def bare_counts(source: str) -> Iterator[tuple[int, str]]:
    """Where an f-string writes a count that may be one before a noun in the plural."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.JoinedStr):
            continue
        for value, after in zip(node.values, node.values[1:], strict=False):
            if not isinstance(value, ast.FormattedValue) or not isinstance(after, ast.Constant):
                continue
            noun = _NOUN.match(str(after.value))
            written = ast.unparse(value)
            is_constant = isinstance(value.value, ast.Name) and value.value.id.isupper()
            if noun and not is_constant and not _WITH_DECIMALS.search(written):
                yield node.lineno, written + noun[0]


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=str)
def test_no_sentence_counts_by_itself(path: Path) -> None:
    assert list(bare_counts(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.j2")), ids=str)
def test_no_page_counts_by_itself(path: Path) -> None:
    found = [match[0] for match in _IN_TEMPLATE.finditer(path.read_text(encoding="utf-8")) if not _WITH_DECIMALS.search(match["value"])]
    assert found == []


def test_a_bare_count_would_be_found() -> None:
    source = """f"In {len(runs)} runs"; f"{plural(n, 'run')}"; f"{rate:.2f} cores"; f"{n} texts/s"; f"{MOST} texts\""""
    ((_, found),) = bare_counts(source)
    assert "len(runs)" in found


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 runs"), (1, "1 run"), (2, "2 runs"), (1.0, "1 run"), (1.5, "1.5 runs"), (1240, "1,240 runs"), (1_234_567, "1,234,567 runs")],
)
def test_one_is_singular(count: float, words: str) -> None:
    assert plural(count, "run") == words


def test_a_plural_may_be_given() -> None:
    assert (plural(1, "process", "processes"), plural(2, "process", "processes")) == ("1 process", "2 processes")
