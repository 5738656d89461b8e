"""Fixtures and settings of all tests."""

import signal
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

# a program that a shell starts in the background ignores Ctrl-C; so would all programs that the
# tests start and interrupt
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption("--write-page", action="store_true", help="write gateway/docs/clients.md anew from the results of its tests")


def pytest_collection_modifyitems(items):
    """Give a file's tests to one worker of pytest-xdist, and all those on the one stack to another."""
    for item in items:
        path = item.path.relative_to(TESTS)
        item.add_marker(pytest.mark.xdist_group("integration" if path.parts[0] == "integration" else str(path)))
