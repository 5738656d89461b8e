"""The links of the Markdown pages lead to files that exist, and their anchors to headings."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)")


def anchors(page):
    """The names under which GitHub links to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    here = ROOT / page
    links = [(here.parent / path if path else here, anchor) for path, anchor in LINK.findall(here.read_text())]
    assert [str(target) for target, _ in links if not target.exists()] == []
    assert [(str(target), anchor) for target, anchor in links if anchor and anchor not in anchors(target)] == []
