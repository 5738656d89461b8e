"""Every block of every page is claimed by a test that runs it, or checks it with what reads it."""

import ast

import pytest
from pages import DRAWN, ROOT, SHELL, blocks_of, pages

LANGUAGES = {*SHELL, "python", "yaml", "json", "http", "toml", "ini", "lua", "promql", ""}


def claims():
    """The (page, language) of each `blocks("page", "language")` in a test."""

    for module in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "blocks":
                page, language = (argument.value for argument in node.args)
                yield page, language


CLAIMED = set(claims())


@pytest.mark.parametrize("page", pages())
def test_every_block_is_claimed(page):
    free = [block for block in blocks_of(page) if block.language != DRAWN and (page, block.language) not in CLAIMED]
    assert not free, f"no test has blocks({page!r}, {free[0].language!r}), of line {free[0].line}:\n{free[0].text}"


@pytest.mark.parametrize("page", pages())
def test_a_block_says_what_it_is_in(page):
    assert {block.language for block in blocks_of(page)} <= {*LANGUAGES, DRAWN}


def test_what_is_claimed_exists():
    assert {(page, block.language) for page in pages() for block in blocks_of(page)} >= CLAIMED
