"""The page on tests is true: its example runs, and what its table names exists."""

import re

import pytest
from pages import ROOT, blocks

from gateway.fakes.manifests import make_manifest
from gateway.fakes.triton import FakeTriton

PAGE = (ROOT / "gateway/docs/testing.md").read_text()
BLOCKS = blocks("gateway/docs/testing.md", "python")


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_the_example_runs(block):
    exec(compile(block, "testing.md", "exec"), {})  # noqa: S102 - our own page


def test_what_the_table_names_exists():
    names = set(re.findall(r"triton\.(\w+)", PAGE[PAGE.index("| to |") :]))
    assert names >= {"calls", "hold", "called", "release", "fault", "catalog_fault", "serve", "unload"}
    assert names - {"model_server"} <= set(dir(FakeTriton(make_manifest("topics"))))
