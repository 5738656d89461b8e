"""Fixtures and settings of all tests."""

import signal

import hypothesis
from xdist.scheduler import LoadScopeScheduling

STACKS = ("tests/integration/demo_models/", "tests/integration/tiny_models/", "tests/integration/tiny_topics/")

# how long an example takes says how busy the machine is
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# a program that a shell starts in the background ignores Ctrl-C; so would all programs that the
# tests start and interrupt
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption("--write-page", action="store_true", help="write gateway/docs/clients.md anew from the results of its tests")


class OneStackOneWorker(LoadScopeScheduling):
    """Gives the tests of a file to one worker, and those of a folder on one stack to one, too."""

    def _split_scope(self, nodeid):
        file = nodeid.partition("::")[0]
        return next((stack for stack in STACKS if file.startswith(stack)), file)


def pytest_xdist_make_scheduler(config, log):
    return OneStackOneWorker(config, log)
