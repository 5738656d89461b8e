"""An audit of the installed packages by pip-audit, which must find no known vulnerabilities.

If no advisory service answers, the audit says so and the build goes on. A finding, or an audit that
fails, fails the build. One package is looked up first, so that a machine without access to the
service does not try two hundred look-ups. pip-audit calls a package that the service does not know
"skipped", and an audit in which all packages were skipped "no known vulnerabilities".
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
    """Run the audit; returns the exit status."""
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
    """Whether the service knew any package of a report; false if the text is no report."""
    return any("vulns" in dependency for dependency in _dependencies(report))


def found(report: str) -> list[str]:
    """A line for each vulnerability of a report."""
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
