"""The report as files: an HTML page that needs nothing else, and the same tables in Markdown."""

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from export.report import HTML, MARKDOWN
from export.report.contents import Report
from export.report.sections import figures, sections
from export.report.verdict import cautions, verdict

_MARKDOWN_SYNTAX = re.compile(r"([\\`*_\[\]<>|~#&!])")


def write_report(folder: Path, report: Report) -> None:
    """Write both files into a folder."""
    (folder / HTML).write_text(render_html(report), encoding="utf-8")
    (folder / MARKDOWN).write_text(render_markdown(report), encoding="utf-8")


def render_html(report: Report) -> str:
    """The whole page."""
    return _environment(autoescape=True).get_template("report.html.j2").render(_shown(report))


def render_markdown(report: Report) -> str:
    """The tables, without plots."""
    environment = _environment(autoescape=False, finalize=escape_markdown)
    return environment.get_template("report.md.j2").render(_shown(report))


def escape_markdown(value: object) -> str:
    """Text that Markdown shows as it is, on one line."""
    return _MARKDOWN_SYNTAX.sub(r"\\\1", " ".join(str(value).split()))


def _environment(**settings: Any) -> Environment:
    loader = PackageLoader("export.report", ".")
    return Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, **settings)  # noqa: S701 - the caller says how it escapes


def _shown(report: Report) -> dict[str, Any]:
    return {
        "manifest": report.manifest,
        "made_at": report.made_at,
        "verdict": verdict(report),
        "cautions": cautions(report),
        "figures": figures(report),
        "sections": sections(report),
    }
