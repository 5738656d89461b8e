"""How a client's script reports its calls: a JSON line each, on standard output.

A script runs in an environment of its own, so it imports nothing of the project. Its one argument
is a JSON object: the `url` and the `grpc` address of a running gateway, and `texts` to ask about.
"""

import asyncio
import inspect
import json
import re
import sys

STACK = json.loads(sys.argv[1])
URL, GRPC, TEXTS = STACK["url"], STACK["grpc"], STACK["texts"]


def call(name, gives, of=None):
    """Make a call and report what it gave.

    `gives` names the kind of the answer, `of` is what was asked.
    """

    def make(function):
        try:
            report = {"answer": _answer(function)}
        except Exception as error:  # every client raises its own; the test names the call that did
            report = {"raised": f"{type(error).__name__}: {error}"}
        _print(name, gives=gives, of=of, **report)

    return make


def refused(name, by, says):
    """Make a call that must raise `by` with a sentence that matches `says`."""

    def make(function):
        try:
            report = {"raised": f"nothing: {_answer(function)!r}"}
        except by as error:
            found = re.search(says, str(error))
            report = {"answer": type(error).__name__} if found else {"raised": f"another sentence: {error}"}
        except Exception as error:
            report = {"raised": f"{type(error).__name__}: {error}"}
        _print(name, gives="refusal", of=None, **report)

    return make


def _answer(function):
    return asyncio.run(function()) if inspect.iscoroutinefunction(function) else function()


def _print(name, **report):
    print(json.dumps({"call": name, **report}, default=float), flush=True)  # noqa: T201 - a report is a line of the output
