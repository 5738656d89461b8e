"""Where the wheel's tritonserver runs, and what is said where it does not."""

from dataclasses import replace
from pathlib import Path

import pytest

from model_repository.wheel import Host, locate, misfit

GOOD = Host("Linux", "x86_64", (2, 36), (3, 11), ("3.10", "3.11", "3.12"), Path("/usr/lib"))


def test_a_host_that_fits_has_no_misfit():
    assert misfit(GOOD) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"machine": "aarch64"}, "runs on x86-64 Linux only and this is aarch64 Linux"),
        ({"system": "Darwin", "machine": "arm64"}, "runs on x86-64 Linux only and this is arm64 Darwin"),
        ({"glibc": (2, 31)}, "needs glibc 2.35 or newer and this machine has glibc 2.31"),
        ({"glibc": None}, "needs glibc 2.35 or newer and this machine has another C library"),
        ({"python": (3, 14)}, "has no stub for Python 3.14 (only for 3.10, 3.11, 3.12)"),
        ({"libpython": None}, "needs libpython3.11.so and this Python was built without a shared library"),
        ({"stubs": None}, "nvidia-pytriton is not installed; install headrace[embedded]"),
    ],
)
def test_a_misfit_is_one_sentence_that_says_why_and_what_to_do(change, reason):
    sentence = misfit(replace(GOOD, **change))
    assert reason in sentence
    assert "nvcr.io/nvidia/tritonserver" in sentence
    assert "HEADRACE_TRITON_URL=host:8000" in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")


def test_the_installed_wheel_has_what_start_up_needs():
    wheel = locate()
    assert wheel.tritonserver.is_file()
    assert (wheel.python_backend / "libtriton_python.so").is_file()
    assert wheel.stub.is_file()
