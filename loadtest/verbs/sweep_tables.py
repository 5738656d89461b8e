"""How the terminal shows a sweep: the verdict, a line a configuration, what each knob does."""

import shlex
from pathlib import Path

from pydantic import JsonValue
from rich.console import Console
from rich.table import Table

from loadtest.planning.sweep.findings.capacity import Capacity
from loadtest.planning.sweep.findings.effects import LatencyChange
from loadtest.planning.sweep.findings.entry import Entry
from loadtest.planning.sweep.findings.loads import Load
from loadtest.planning.sweep.findings.pricing import TextsCost
from loadtest.planning.sweep.findings.summary import SweepSummary
from loadtest.planning.sweep.knobs import shown
from loadtest.results.figures import milliseconds
from loadtest.verbs.command import program

NONE = "–"


def show(console: Console, sweep: SweepSummary, folder: Path) -> None:
    """Print it, verdict first."""
    for sentence in sweep.verdict:
        console.print(sentence, style="bold", soft_wrap=True)
    console.print(_configurations(sweep))
    if sweep.effects:
        console.print(_effects(sweep))
    for caution in sweep.cautions:
        console.print(f"Caution: {caution}", soft_wrap=True)
    console.print(f"results  {folder / 'sweep.json'}", soft_wrap=True)
    if sweep.best:
        console.print(f"best     {folder / 'best' / 'config.pbtxt'}", soft_wrap=True)
    if any(one.profile for one in sweep.profiles.values()):
        plan = shlex.join([*program(), "plan", "--rate", "RPS", "--slo", str(sweep.slo), "--results", str(folder)])
        console.print(f"profile  {plan}", soft_wrap=True)


def _configurations(sweep: SweepSummary) -> Table:
    rates = sweep.fixed_rates
    table = Table(title=f"Within {sweep.slo}", title_justify="left")
    table.add_column("configuration", no_wrap=True)
    for heading in ("precision", "requests/s", "95 %", "hits", *(f"p50 / p99 at {rate:g}/s" for rate in rates)):
        table.add_column(heading, justify="right")
    table.add_column("batch", justify="right")
    for offer in sweep.definition.offers:
        table.add_column(f"USD/million {offer.instance}", justify="right")
    for entry in sweep.entries:
        loads = {load.rate_rps: load for load in entry.loads}
        batch = loads[max(rates or loads)].mean_batch_texts if loads else None
        table.add_row(
            _name(entry, sweep),
            entry.description.packaged.precision or NONE,
            NONE if entry.capacity is None else f"{entry.capacity.rps:,.3g}",
            _interval(entry.capacity),
            NONE if entry.hit_rate is None else f"{entry.hit_rate:.0%}",
            *(_latency(loads.get(rate)) for rate in rates),
            NONE if batch is None else f"{batch:.1f}",
            *(_cost(cost) for cost in entry.cost),
            style="dim" if entry.name in sweep.dominated else None,
        )
    table.caption = "* chosen; dim: never the quickest at any rate that it keeps up; batch: texts, at the highest of the fixed rates"
    table.caption_justify = "left"
    return table


def _effects(sweep: SweepSummary) -> Table:
    rates = sorted({change.rate_rps for effect in sweep.effects for change in effect.latency})
    table = Table(title="What one knob does, all else equal", title_justify="left")
    table.add_column("change", no_wrap=True)
    table.add_column("of", no_wrap=True)
    for heading in ("requests/s within the SLO", "told apart", *(f"p50 / p99 at {rate:g}/s" for rate in rates)):
        table.add_column(heading, justify="right")
    for effect in sweep.effects:
        latency = {change.rate_rps: change for change in effect.latency}
        table.add_row(
            f"{effect.knob}: {_value(effect.value_before)} → {_value(effect.value_after)}",
            effect.before,
            _percent(effect.capacity),
            NONE if effect.certain is None else "yes" if effect.certain else "no",
            *(_latency_change(latency.get(rate)) for rate in rates),
        )
    return table


def _name(entry: Entry, sweep: SweepSummary) -> str:
    state = "" if entry.state == "finished" else f" ({entry.state})"
    return f"{entry.name}{state}{' *' if entry.name in sweep.best.values() else ''}"


def _value(value: JsonValue) -> str:
    return "as packaged" if value is None else shown(value)


def _interval(held: Capacity | None) -> str:
    if held is None:
        return NONE
    return "or more" if held.high_rps is None else f"{held.low_rps:,.3g}–{held.high_rps:,.3g}"


def _latency(load: Load | None) -> str:
    if load is None or load.latency_ms is None:
        return NONE
    return f"{milliseconds(load.latency_ms['p50'])} / {milliseconds(load.latency_ms['p99'])}"


def _latency_change(change: LatencyChange | None) -> str:
    return NONE if change is None else f"{_percent(change.p50)} / {_percent(change.p99)}"


def _cost(cost: TextsCost) -> str:
    if cost.on_demand_usd_per_million is None:
        return NONE
    spot = cost.spot_usd_per_million
    return f"{cost.on_demand_usd_per_million:.3g}" + ("" if spot is None else f", spot {spot:.3g}")


def _percent(change: float | None) -> str:
    return NONE if change is None else f"{change:+.0%}"
