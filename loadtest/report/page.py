"""The HTML report of a load test: one file that needs nothing else."""

from typing import Any

from loadtest.report.error_table import error_table
from loadtest.report.headline import headline
from loadtest.report.page_templates import templates
from loadtest.report.run_charts import draw_charts, group_name
from loadtest.report.stack_charts import ROLE_NAMES, draw_process, draw_stack
from loadtest.results.results import Results
from loadtest.results.verdict import cautions, sent_texts, server_said, verdict


def render_html(results: Results) -> str:
    """The whole page."""
    return templates().get_template("report/templates/report.html.j2").render(context(results))


def context(results: Results) -> dict[str, Any]:
    """What the template of the load test's sections (`load.html.j2`) shows."""
    observed = results.observed
    return {
        "results": results,
        "model": ", ".join(results.scenario.workload.models) or "the server's own model",
        "server": server_said(results),
        "sent_texts": sent_texts(results),
        "headline": headline(results),
        "verdict": verdict(results) if results.latency.summary_ms is not None else "",
        "cautions": cautions(results),
        "charts": draw_charts(results),
        "stack_charts": draw_stack(observed, results.elapsed_s),
        "processes": [(use, ROLE_NAMES[use.role], *draw_process(use, observed, results.elapsed_s)) for use in observed.processes],
        "errors": error_table(results.errors),
        "group_name": group_name,
        "requests_by_group": sum(group.requests for group in results.groups),
    }
