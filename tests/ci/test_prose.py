"""Markdown prose wraps at 100 columns, as ruff holds docstrings and comments to it."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COLUMNS = 100
FOLDERS = ("export", "gateway", "helm", "loadtest", "model_repository")
PAGES = [ROOT / "README.md", *(page for folder in FOLDERS for page in sorted((ROOT / folder).rglob("*.md")) if "models" not in page.parts)]


def prose(text):
    """The lines that are neither code, tables nor headings."""
    code = False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            code = not code
        elif not code and not line.startswith(("    ", "|", "#")):
            yield line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_prose_wraps(page):
    long = [line for line in prose(page.read_text(encoding="utf-8")) if len(line) > COLUMNS and " " in line.strip()]
    assert long == []
