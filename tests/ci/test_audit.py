"""The reports of pip-audit, and how the build handles them."""

import importlib.util
import json
import subprocess
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / ".ci" / "audit.py"
UNKNOWN = {"name": "cryptography", "skip_reason": "Dependency not found on PyPI and could not be audited: cryptography (50.0.2)"}
SOUND = {"name": "cryptography", "version": "50.0.2", "vulns": []}
FLAWED = {
    "name": "pyjwt",
    "version": "2.0.0",
    "vulns": [{"id": "CVE-2022-29217", "fix_versions": ["2.4.0"], "aliases": [], "description": ""}],
}


@pytest.fixture
def audit():
    specification = importlib.util.spec_from_file_location("audit", PATH)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def answers(audit, monkeypatch):
    """Makes pip-audit answer the probe, then the audit.

    Each answer is (status, dependencies) or (status, text of the failure).
    """

    def give(*given):
        waiting = list(given)

        def run(command, **_):
            status, content = waiting.pop(0)
            report, words = ("", content) if isinstance(content, str) else (json.dumps({"dependencies": content}), "")
            return subprocess.CompletedProcess(command, status, report, words)

        monkeypatch.setattr(audit.subprocess, "run", run)
        return audit.main()

    return give


@pytest.mark.parametrize("probe", [(0, [UNKNOWN]), (1, "requests.exceptions.ConnectionError: Max retries exceeded")])
def test_without_an_advisory_service_the_audit_says_so_and_the_build_goes_on(answers, capsys, probe):
    assert answers(probe) == 0
    assert capsys.readouterr().out == "audit: no advisory service can be reached from here; nothing was audited\n"


def test_a_finding_fails_the_build_and_is_named(answers, capsys):
    assert answers((0, [SOUND]), (1, [SOUND, UNKNOWN, FLAWED])) == 1
    assert capsys.readouterr().err == "audit: pyjwt 2.0.0: CVE-2022-29217; fixed in 2.4.0\n"


def test_a_vulnerable_probe_does_not_hide_other_findings(answers):
    assert answers((1, [FLAWED]), (1, [FLAWED])) == 1


def test_an_environment_without_vulnerabilities_passes(answers, capsys):
    assert answers((0, [SOUND]), (0, [SOUND, UNKNOWN])) == 0
    assert capsys.readouterr().out == "audit: no known vulnerabilities\n"


@pytest.mark.parametrize("given", [[(2, "usage: pip-audit")], [(0, [SOUND]), (1, "Traceback")]], ids=["probe", "audit"])
def test_an_audit_that_fails_fails_the_build(answers, given):
    assert answers(*given, (1, "Traceback")) == 1
