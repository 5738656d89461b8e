"""The HTML report of a capacity plan: one file that needs nothing else. Pure."""

from collections.abc import Sequence

from markupsafe import Markup

from loadtest.cost.fleet import HOURS_PER_MONTH
from loadtest.planning.capacity.arithmetic import steps
from loadtest.planning.capacity.cautions import cautions
from loadtest.planning.capacity.checking import Check
from loadtest.planning.capacity.curve import latency_by_rate
from loadtest.planning.capacity.planner import Plan
from loadtest.planning.capacity.prediction import latency_objectives
from loadtest.planning.capacity.sentence import verdict
from loadtest.report.charts.axis import axis_from_zero, value_axis
from loadtest.report.charts.frame import Frame, Key
from loadtest.report.charts.line import Line, Mark, line_chart
from loadtest.report.charts.scatter import Dot, Overlay, scatter_chart
from loadtest.report.page_templates import templates
from loadtest.results.figures import milliseconds, plural

STYLES = (("c1", "c2"), ("c3", "c4"), ("c5", "c6"))
"""Of a prediction, and of the same with the margin."""
FRAME = Frame()
KEYS = (Key("measured", "c1", dot=True), Key("predicted", "c2", dot=True))


def render_plan(plan: Plan, triton_type: str | None, confirmation: str, command: str) -> str:
    """The page of a plan; `confirmation` is the command that confirms it, empty where none does."""
    doubted = not plan.checks or any(not check.agrees for check in plan.checks) or plan.profile.problem or plan.profile.measured.disturbed
    rows = [("all there", plan.full)]
    if plan.aim.lost:
        rows += [(f"{plural(plan.aim.lost, 'gateway')} lost", plan.gateway_lost)]
        rows += [(f"{plural(plan.aim.lost, 'replica')} lost", plan.replica_lost)]
    fleets = [] if plan.bill is None else [("on demand", plan.bill.on_demand), ("Triton on spot", plan.bill.spot)]
    page = templates().get_template("report/templates/plan.html.j2")
    return page.render(
        plan=plan,
        verdict=verdict(plan),
        tone="warn" if doubted else "good",
        cautions=cautions(plan, triton_type),
        objectives=latency_objectives(plan.aim.slo),
        rows=rows,
        fleets=[(name, fleet) for name, fleet in fleets if fleet is not None],
        hours_per_month=HOURS_PER_MONTH,
        steps=steps(plan),
        latency_chart=_latency_chart(plan),
        check_charts=[_check_chart(plan.checks, metric) for metric in dict.fromkeys(check.metric for check in plan.checks)],
        confirmation=confirmation,
        command=command,
        problem="",
    )


def render_no_plan(problem: str, command: str) -> str:
    """The page where no number of replicas holds the SLO."""
    page = templates().get_template("report/templates/plan.html.j2")
    return page.render(verdict=problem, tone="bad", command=command, problem=problem)


def _latency_chart(plan: Plan) -> Markup | None:
    """Predicted latency by rate with replicas lost, and with the margin."""
    objectives = latency_objectives(plan.aim.slo)
    if not objectives:
        return None
    lines = []
    for objective, (style, above) in zip(objectives, STYLES, strict=False):
        seen = latency_by_rate(plan, objective)
        lines.append(Line(f"{objective.metric} predicted", seen, style))
        lines.append(Line("with the margin", [(rate, ms * (1 + plan.aim.margin)) for rate, ms in seen], above))
    values = [ms for line in lines for _, ms in line.points if ms is not None]
    mark = Mark(f"SLO {objectives[0]}", objectives[0].bound)
    y = value_axis("ms", [*values, mark.y])
    lines.append(Line("planned", [(plan.load.requests_per_s, y.low), (plan.load.requests_per_s, y.high)], "good"))
    highest = max(rate for line in lines for rate, _ in line.points)
    return line_chart("Predicted latency by rate", lines, axis_from_zero("requests/s", highest), y, mark=mark)


def _check_chart(checks: Sequence[Check], metric: str) -> tuple[str, Markup]:
    """Measured and predicted latency at the measured points, of one metric."""
    own = [check for check in checks if check.metric == metric]
    dots = [Dot(check.requests_per_s, check.measured_ms, "c1", f"measured: {milliseconds(check.measured_ms)}") for check in own]
    dots += [
        Dot(check.requests_per_s, check.predicted_ms, "c2", f"predicted: {milliseconds(check.predicted_ms)}")
        for check in own
        if check.predicted_ms is not None
    ]
    x = axis_from_zero("requests/s", max(dot.x for dot in dots) * 1.05)
    chart = scatter_chart(f"{metric} measured and predicted", dots, x, value_axis("ms", [dot.y for dot in dots]), Overlay(KEYS), FRAME)
    return metric, chart
