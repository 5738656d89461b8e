"""Fixtures and settings of all tests."""

import signal

# a program that a shell starts in the background ignores Ctrl-C; so would all programs that the
# tests start and interrupt
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
