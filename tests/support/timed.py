"""Tests that compare times with a script or a limit, on a machine that has other work to do.

A program that waited for a core, here or on the host of a virtual machine, is late through no
fault of its own. Such a test is repeated; what is wrong fails every time.
"""

import pytest

timed = pytest.mark.flaky(reruns=4, only_rerun=["AssertionError"])
