"""The demo's report: one HTML file that needs nothing else."""

from pathlib import Path

from loadtest.demo.findings import Findings
from loadtest.report import page
from loadtest.report.page_templates import templates


def write_page(findings: Findings, path: Path) -> None:
    """Write the report to `path`."""
    template = templates().get_template("demo/demo.html.j2")
    path.write_text(template.render(findings=findings, **page.context(findings.load)), encoding="utf-8")
