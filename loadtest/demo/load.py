"""The demo's fourth step: a short load test, with the same command that anybody would type."""

import json
import subprocess
import sys
from pathlib import Path

from loadtest.demo.asking import MODEL
from loadtest.results.results import Results
from loadtest.target.child import stop

USERS = 32
DURATION_S = 8
STOP_GRACE_S = 15.0


class LoadFailedError(RuntimeError):
    """The load test left no report; its own words stand above."""


def load_gateway(url: str, corpus: Path, folder: Path) -> Results:
    """Run `python -m loadtest run` and read its report; its progress goes to the terminal.

    Raises:
        LoadFailedError: it left no report, or a report that says why nothing was measured.
    """
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "loadtest", "run", "--url", url, "--model", MODEL, "--corpus", str(corpus), "--report", str(folder)]
    command += ["--users", str(USERS), "--duration", str(DURATION_S)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            process.wait()
        finally:
            stop(process, STOP_GRACE_S)
    if not report.exists():
        raise LoadFailedError(f"The load test left no report (exit status {process.returncode}).")
    results = Results.from_dict(json.loads(report.read_bytes()))
    if results.problem:
        raise LoadFailedError(results.problem)
    return results
