"""Every shell block of every page, as bash reads it: its programs know what they are told.

Tests of single pages run what can run here.
"""

import argparse
import os
import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from pages import ROOT, SHELL, blocks, blocks_of, pages
from pasted import PYTHON, commands

from export.__main__ import _parser as export_parser
from gateway.__main__ import _parser as gateway_parser
from gateway.experiments.command_line import _parser as experiment_parser
from gateway.security.command_line import _parser as keys_parser
from gateway.settings.settings import Settings
from loadtest.__main__ import VERBS

NOT_RUN = {
    "docker": "needs a container engine",
    "helm": "installs into a cluster; tests/helm renders the chart with the same values",
    "kubectl": "needs a cluster",
    "perf_analyzer": "comes with NVIDIA's SDK container",
}
"""Programs that no test starts, and why; bash reads their commands all the same."""
RUN = {PYTHON, "cp", "curl", "make", "mkdir"}
BENCHMARKS = [*blocks("gateway/docs/cache.md", "sh"), *blocks("gateway/docs/overload.md", "sh")]
"""They measure for minutes, on a quiet machine."""
BLOCKS = [
    block for page in pages() for block in blocks_of(page) if block.language in SHELL or "python -m " in block.text.partition("\n")[0]
]


ABRIDGED = {"loadtest/docs/load.md"}
"""Pages whose later commands leave out, as `…`, what the first one on the page has."""
ABOVE = ["--url", "http://127.0.0.1:8080", "--model", "topics", "--corpus", "texts.jsonl", "--report", "DIR"]


def in_full(words):
    """With the options of above in place of a `…`; after an option it is a value like any other."""
    at = words.index("…") if "…" in words else None
    return words if at is None or words[at - 1] in ABOVE else [*words[:at], *ABOVE, *words[at + 1 :]]


def loadtest_parser():
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(required=True)
    for verb in VERBS:
        verb.add_parser(verbs)
    return parser


def check_module(module, arguments):
    """A program of ours: its own parser takes the arguments; anything else is there to be run."""
    if module == "export":
        export_parser(arguments).parse_args(arguments)
    elif module == "gateway":
        parsers = {"keys": keys_parser, "experiment": experiment_parser}
        if (make_parser := parsers.get("".join(arguments[:1]))) is not None:
            make_parser().parse_args(arguments[1:])
        else:
            gateway_parser().parse_args(arguments)
    elif module == "loadtest":
        loadtest_parser().parse_args(arguments)
    elif module == "pip":
        [extras] = re.findall(r"^\.\[([\w,]+)\]$", arguments[-1])
        assert arguments[:-1] == ["install", "-e"]
        known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        assert set(extras.split(",")) <= known.keys()
    elif module == "pytest":
        assert all((ROOT / name).exists() for name in arguments if "/" in name)
    else:
        assert import_module(module)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.page}:{block.line}")
def test_commands_are_what_their_programs_take(block, tmp_path, monkeypatch):
    for name in list(os.environ):
        if name.startswith("HEADRACE_"):
            monkeypatch.delenv(name)
    found = commands(block.text, tmp_path)
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for command in found:
        program, *words = command.words
        assert program in RUN | NOT_RUN.keys()
        assert block.page in ABRIDGED or "…" not in "".join(words), "it cannot be pasted as it stands"
        if program == "make":
            assert {word for word in words if "=" not in word} <= targets
        elif program == PYTHON and words[:1] == ["-m"]:
            check_module(words[1], in_full(words[2:]))
        elif program == PYTHON:
            assert Path(ROOT / words[0]).exists()
        with monkeypatch.context() as environment:
            for name, value in command.settings.items():
                environment.setenv(name, value)
            assert Settings.read()
    assert found or re.search(r"^export \w+=", block.text, re.MULTILINE)


def test_what_is_not_run_is_shown_somewhere(tmp_path_factory):
    shown = {command.words[0] for block in BLOCKS for command in commands(block.text, tmp_path_factory.mktemp("pasted"))}
    assert shown >= NOT_RUN.keys()


@pytest.mark.parametrize("block", BENCHMARKS)
def test_a_benchmark_says_itself_how_it_is_run(block):
    command = block.partition("#")[0].strip()
    text = (ROOT / command.split()[-1]).read_text()
    assert command in text
