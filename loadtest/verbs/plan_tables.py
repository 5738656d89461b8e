"""How the terminal shows a capacity plan: verdict, arithmetic, predictions, checks, the bill."""

import shlex

from rich.console import Console
from rich.table import Table

from loadtest.cost.fleet import HOURS_PER_MONTH, Fleet
from loadtest.planning.capacity.arithmetic import steps
from loadtest.planning.capacity.cautions import cautions
from loadtest.planning.capacity.planner import Plan
from loadtest.planning.capacity.prediction import Prediction, latency_objectives
from loadtest.planning.capacity.sentence import confirming_run, verdict
from loadtest.results.figures import plural
from loadtest.verbs.command import program


def show(console: Console, plan: Plan, triton_type: str | None) -> None:
    """Print all of the plan, verdict first."""
    console.print(verdict(plan), style="bold")
    console.print(_arithmetic(plan))
    console.print(_predictions(plan))
    if confirmation(plan):
        console.print(f"confirm it on one gateway and one replica: {confirmation(plan)}", soft_wrap=True)
    if plan.checks:
        console.print(_checks(plan))
    if plan.bill is not None:
        console.print(_bill(plan))
        for name, source in plan.bill.sources.items():
            console.print(f"{name}: {source}", style="dim")
    for caution in cautions(plan, triton_type):
        console.print(f"Caution: {caution}")


def confirmation(plan: Plan) -> str:
    """The command that confirms the plan; empty where next to nothing is held."""
    arguments = confirming_run(plan)
    return shlex.join([*program(), *arguments]) if arguments else ""


def _arithmetic(plan: Plan) -> Table:
    table = Table("step", "from", "result", title="Arithmetic", title_justify="left")
    for step in steps(plan):
        table.add_row(step.what, step.how, step.result)
    return table


def _predictions(plan: Plan) -> Table:
    objectives = latency_objectives(plan.aim.slo)
    table = Table("", "gateways", "busy", "replicas", "busy", "load", title="Predicted at the planned rate", title_justify="left")
    for objective in objectives:
        table.add_column(str(objective), justify="right")
    rows: dict[str, Prediction] = {"all there": plan.full}
    if plan.aim.lost:
        rows |= {
            f"{plural(plan.aim.lost, 'gateway')} lost": plan.gateway_lost,
            f"{plural(plan.aim.lost, 'replica')} lost": plan.replica_lost,
        }
    for name, prediction in rows.items():
        latencies = [objective.show(prediction.latency_ms(objective)) for objective in objectives]
        gateways, replicas = prediction.deployment.gateways, prediction.deployment.triton_replicas
        busy = f"{prediction.gateway_queue.utilization:.0%}", f"{prediction.triton_queue.utilization:.0%}"
        table.add_row(name, f"{gateways}", busy[0], f"{replicas}", busy[1], f"{prediction.triton_queue.load:.0%}", *latencies)
    table.caption = "busy: of the time; load: of the highest throughput, which replicas that batch have in largest batches"
    table.caption_justify = "left"
    return table


def _checks(plan: Plan) -> Table:
    table = Table(
        "measured at", "metric", "measured", "predicted", "off by", "", title="The model against measured points", title_justify="left"
    )
    for check in plan.checks:
        table.add_row(
            f"{check.requests_per_s:,g} requests/s, {check.hit_rate:.0%} hits",
            check.metric,
            f"{check.measured_ms:.3g} ms",
            "overloaded" if check.predicted_ms is None else f"{check.predicted_ms:.3g} ms",
            "" if check.error is None else f"{check.error:+.0%}",
            "agrees" if check.agrees else "MISSES",
        )
    return table


def _bill(plan: Plan) -> Table:
    table = Table("part", "instances", "USD/h each", "USD/month", title="Cost", title_justify="left")
    bill = plan.bill
    if bill is None:
        return table
    _rows(table, plan, bill.on_demand, "on demand")
    if bill.spot is not None and bill.spot_multiplier is not None:
        table.add_section()
        _rows(table, plan, bill.spot, f"spot (Triton at {bill.spot_multiplier:.0%} of on demand, gaps covered)")
    return table


def _rows(table: Table, plan: Plan, fleet: Fleet, name: str) -> None:
    for part in fleet.parts:
        table.add_row(
            part.name, f"{part.instances:.3g}", f"{part.usd_per_instance_hour:.4f}", f"{part.usd_per_hour * HOURS_PER_MONTH:,.0f}"
        )
    table.add_row(f"all, {name}", "", f"{fleet.usd_per_hour:.4f} in all", f"{fleet.usd_per_month:,.0f}", style="bold")
    table.add_row("a million texts at the SLO", "", "", f"{fleet.usd_per_million(plan.highest_texts_per_s):.4f} USD", style="bold")
