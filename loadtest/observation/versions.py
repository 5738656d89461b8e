"""The versions of the programs that take part in a load test, as they say themselves."""

import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from loadtest.observation.exposition import ExpositionError, read_samples
from loadtest.target.client import Client, NoAnswerError
from loadtest.workload.server import HEADRACE

BUILD = "headrace_build_info"
HERE = Path(__file__).parent
TIMEOUT_S = 2.0
OK = 200


def generator_versions() -> dict[str, str]:
    """The versions of this program: Headrace, the git commit of a checkout, Python, Locust."""
    found = {
        "headrace loadtest": _package("headrace"),
        "git commit": _commit(),
        "python": platform.python_version(),
        "locust": _package("locust"),
    }
    return {name: text for name, text in found.items() if text}


def gateway_versions(url: str, headers: Mapping[str, str]) -> dict[str, str]:
    """The version of the gateway at `url`, from its metrics or `/v2`; empty where they lack it.

    A server that gives itself another name there is the `server`.
    """
    found = {}
    try:
        with Client(url, headers, TIMEOUT_S) as client:
            server = client.get("/v2")
            if server.status == OK and isinstance(server.body, dict):
                name = server.body.get("name", "?")
                found["gateway" if name == HEADRACE else "server"] = f"{name} {server.body.get('version', '?')}"
            build = _build(client.text("/metrics")[1])
            if build:
                found["gateway"] = f"headrace {build}"
    except NoAnswerError:
        return found  # the load itself will show that nobody answers
    return found


def triton_versions(urls: Sequence[str]) -> dict[str, str]:
    """The versions of the Tritons that answer HTTP at `urls`, from `/v2`."""
    found = set()
    for url in urls:
        try:
            with Client(url, timeout_s=TIMEOUT_S) as client:
                server = client.get("/v2")
        except NoAnswerError:
            continue
        if server.status == OK and isinstance(server.body, dict) and "version" in server.body:
            found.add(str(server.body["version"]))
    return {"triton": ", ".join(sorted(found))} if found else {}


def _build(metrics: str) -> str:
    try:
        samples = read_samples(metrics).get(BUILD, [])
    except ExpositionError:
        return ""
    return samples[0].labels.get("version", "") if samples else ""


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _commit() -> str:
    """The commit of the checkout that this file lies in; empty outside a checkout.

    It is marked where the checkout was changed since.
    """
    try:
        described = subprocess.run(
            ["git", "-C", str(HERE), "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=, changed since"],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return described.stdout.strip()
