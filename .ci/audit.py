"""Known vulnerabilities of what is installed: pip-audit, which must find none.

Where no advisory service answers, that is said and the build goes on; what was found, or an audit that breaks, fails it. One package
is asked for first, so that a place without the service is not asked two hundred times. pip-audit itself calls a package that the
service does not know "skipped", and an audit that skipped everything "no known vulnerabilities".
"""

import json
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

PROBE = "cryptography"
TIMEOUT_S = 10
_NO_SERVICE = ("ConnectionError", "ServiceError", "Timeout", "Max retries", "Name or service", "Connection refused")
COMMAND = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--timeout", str(TIMEOUT_S)]


def main() -> int:
    """Audit; returns the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "probe.txt"
        pinned.write_text(f"{PROBE}=={version(PROBE)}\n")
        probe = _run("--no-deps", "--disable-pip", "--requirement", str(pinned))
    if not was_answered(probe.stdout) and (probe.returncode == 0 or any(sign in probe.stderr for sign in _NO_SERVICE)):
        print("audit: no advisory service can be reached from here; nothing was audited")
        return 0
    audit = _run("--local", "--skip-editable")
    if not was_answered(audit.stdout):
        print(audit.stderr, file=sys.stderr)
        print("audit: pip-audit failed", file=sys.stderr)
        return 1
    findings = found(audit.stdout)
    for finding in findings:
        print(f"audit: {finding}", file=sys.stderr)
    if not findings:
        print("audit: no known vulnerabilities")
    return 1 if findings else 0


def was_answered(report: str) -> bool:
    """Whether the service knew any package of a report; a report that is none was not answered."""
    return any("vulns" in dependency for dependency in _dependencies(report))


def found(report: str) -> list[str]:
    """A line for each vulnerability."""
    return [
        f"{dependency['name']} {dependency['version']}: {flaw['id']}; fixed in {', '.join(flaw['fix_versions']) or 'no version'}"
        for dependency in _dependencies(report)
        for flaw in dependency.get("vulns", [])
    ]


def _dependencies(report: str) -> list[dict[str, Any]]:
    try:
        dependencies: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except ValueError:
        return []
    return dependencies


def _run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True)


if __name__ == "__main__":
    sys.exit(main())
