"""Which versions of what took part, as the programs themselves say."""

import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from loadtest.observation.exposition import ExpositionError, read_samples
from loadtest.target.client import Client, NoAnswerError

BUILD = "headrace_build_info"
HERE = Path(__file__).parent
TIMEOUT_S = 2.0
OK = 200


def generator_versions() -> dict[str, str]:
    """Of this program: Headrace, its git commit where it runs from a checkout, Python, Locust."""
    known = {
        "headrace loadtest": _package("headrace"),
        "git commit": _commit(),
        "python": platform.python_version(),
        "locust": _package("locust"),
    }
    return {name: told for name, told in known.items() if told}


def gateway_versions(url: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Of the gateway at `url`, as its metrics and `/v2` say; empty where they do not."""
    told = {}
    try:
        with Client(url, headers, TIMEOUT_S) as client:
            server = client.get("/v2")
            if server.status == OK and isinstance(server.body, dict):
                told["gateway"] = f"{server.body.get('name', '?')} {server.body.get('version', '?')}"
            build = _build(client.text("/metrics")[1])
            if build:
                told["gateway"] = f"headrace {build}"
    except NoAnswerError:
        return told  # the load itself tells that it does not answer
    return told


def triton_versions(urls: Sequence[str]) -> dict[str, str]:
    """Of the Tritons that answer HTTP at `urls`, as `/v2` says."""
    told = set()
    for url in urls:
        try:
            with Client(url, timeout_s=TIMEOUT_S) as client:
                server = client.get("/v2")
        except NoAnswerError:
            continue
        if server.status == OK and isinstance(server.body, dict) and "version" in server.body:
            told.add(str(server.body["version"]))
    return {"triton": ", ".join(sorted(told))} if told else {}


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
    """The commit that this file lies in, marked where the checkout was changed since; empty outside a checkout."""
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
