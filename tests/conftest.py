"""Fixtures and settings of all tests."""

import signal

# a program that a shell starts in the background ignores Ctrl-C; so would all programs that the
# tests start and interrupt
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption("--write-page", action="store_true", help="write gateway/docs/clients.md anew from the results of its tests")
