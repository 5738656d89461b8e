"""Options, settings, metrics and paths that the pages name exist."""

import argparse
import re
from functools import cache

import pytest
from headrace_backend import metrics as backend_metrics
from pages import ROOT, blocks_of, pages
from prometheus_client.metrics import MetricWrapperBase

from export.__main__ import _parser as export_parser
from gateway.__main__ import _parser as gateway_parser
from gateway.app import create_app
from gateway.experiments.command_line import _parser as experiment_parser
from gateway.fakes.triton import FakeTriton
from gateway.observability import metrics
from gateway.security.command_line import _parser as keys_parser
from gateway.settings.settings import PREFIX, Settings
from loadtest.__main__ import VERBS

OTHERS = {
    "--build-arg": "docker",
    "--spider": "wget",
    "--from-file": "kubectl",
    "--max-client-batch-size": "TEI",
    "--reuse-values": "helm",
    "--shared-memory": "perf_analyzer",
    "--streaming": "perf_analyzer",
    "--trace-level": "perf_analyzer",
    "--model-control-mode": "tritonserver",
    "--strict-readiness": "tritonserver",
}
"""Options of other programs."""


def options(parser):
    """All options of a parser and of its verbs."""
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                yield from options(verb)


@cache
def known_options():
    loadtest = argparse.ArgumentParser()
    verbs = loadtest.add_subparsers()
    for verb in VERBS:
        verb.add_parser(verbs)
    parsers = (loadtest, gateway_parser(), keys_parser(), experiment_parser(), export_parser([]), export_parser(["run"]))
    return {option for parser in parsers for option in options(parser)} | OTHERS.keys()


@cache
def known_metrics():
    ours = (value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase))
    names = {name for metric in ours for name in (metric._name, f"{metric._name}_total")}
    return names | {backend_metrics.PREFIX + name for name in (*backend_metrics._PLAIN, backend_metrics.SUB_BATCHES)}


@cache
def known_settings():
    programs = [path for folder in ("model_repository", "gateway", "export", "loadtest") for path in (ROOT / folder).rglob("*.py")]
    others = {name for path in programs for name in re.findall(rf"\"({PREFIX}[A-Z_]+)\"", path.read_text())}
    return {PREFIX + name.upper() for name in Settings.model_fields} | others


def prose(page):
    """A page without its blocks, which other tests run."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for block in blocks_of(page):
        text = text.replace(block.text, "")
    return re.sub(r"^\s*```.*$", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("page", pages())
def test_options_exist(page):
    spans = re.findall(r"`([^`]+)`", prose(page))
    named = {option for span in spans for option in re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", span)}
    assert named - known_options() == set()


@pytest.mark.parametrize("page", pages())
def test_settings_exist(page):
    named = set(re.findall(rf"{PREFIX}[A-Z][A-Z_]*[A-Z]\b(?!_?\*)", (ROOT / page).read_text(encoding="utf-8")))
    assert named - known_settings() == set()


@pytest.mark.parametrize("page", pages())
def test_metrics_exist(page):
    named = set(re.findall(r"\bheadrace_(?!backend\b)[a-z_]+", (ROOT / page).read_text(encoding="utf-8")))
    assert {name for name in named if name not in known_metrics()} == set()


@pytest.mark.parametrize("page", pages())
def test_paths_of_the_gateway_exist(page):
    served = create_app(Settings(auth="off"), triton=FakeTriton()).api.routes
    shapes = {re.sub(r"\{[^}]*\}", "{}", route.path) for route in served}
    named = re.findall(r"`(?:GET |POST |DELETE |HEAD )(/[^`\s\[\]…]*)`", prose(page))
    asked = {re.sub(r"\{[^}]*\}|[A-Z]{2,}", "{}", path.partition("?")[0]).rstrip("/") or "/" for path in named}
    assert asked - shapes == set()
