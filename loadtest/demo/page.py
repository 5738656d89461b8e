"""The demo's report: one HTML file that needs nothing else."""

from pathlib import Path

from loadtest import report
from loadtest.demo.findings import Findings


def write_page(findings: Findings, path: Path) -> None:
    """Write the report to `path`."""
    template = report.templates().get_template("demo/demo.html.j2")
    path.write_text(template.render(findings=findings, **report.context(findings.load)), encoding="utf-8")
