"""How the terminal shows a sweep: the verdict, a line a configuration, what each knob does."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from loadtest.planning.sweep.knobs import shown
from loadtest.results.figures import milliseconds

NONE = "–"


def show(console: Console, sweep: Mapping[str, Any], folder: Path) -> None:
    """Print it, verdict first."""
    for sentence in sweep["verdict"]:
        console.print(sentence, style="bold", soft_wrap=True)
    console.print(_configurations(sweep))
    if sweep["effects"]:
        console.print(_effects(sweep))
    for caution in sweep["cautions"]:
        console.print(f"Caution: {caution}", soft_wrap=True)
    console.print(f"results  {folder / 'sweep.json'}", soft_wrap=True)
    if sweep["best"]:
        console.print(f"best     {folder / 'best' / 'config.pbtxt'}", soft_wrap=True)
    if any(one["profile"] for one in sweep["profiles"].values()):
        plan = shlex.join(["python", "-m", "loadtest", "plan", "--rate", "RPS", "--slo", sweep["slo"], "--results", str(folder)])
        console.print(f"profile  {plan}", soft_wrap=True)


def _configurations(sweep: Mapping[str, Any]) -> Table:
    rates = sorted({load["rate_rps"] for one in sweep["configurations"] for load in one["loads"] if load["fixed"]})
    table = Table(title=f"Within {sweep['slo']}", title_justify="left")
    table.add_column("configuration", no_wrap=True)
    for heading in ("precision", "requests/s", "95 %", "hits", *(f"p50 / p99 at {rate:g}/s" for rate in rates)):
        table.add_column(heading, justify="right")
    table.add_column("batch", justify="right")
    for price in sweep["prices"]:
        table.add_column(f"USD/million {price['instance']}", justify="right")
    for one in sweep["configurations"]:
        loads = {load["rate_rps"]: load for load in one["loads"]}
        busiest = loads[max(rates or loads)] if one["loads"] else {}
        table.add_row(
            _name(one, sweep),
            one["packaged"]["precision"] or NONE,
            NONE if one["capacity"] is None else f"{one['capacity']['rps']:,.3g}",
            _interval(one["capacity"]),
            NONE if one["hit_rate"] is None else f"{one['hit_rate']:.0%}",
            *(_latency(loads.get(rate)) for rate in rates),
            NONE if busiest.get("mean_batch_texts") is None else f"{busiest['mean_batch_texts']:.1f}",
            *(_cost(cost) for cost in one["cost"]),
            style="dim" if one["dominated"] else None,
        )
    table.caption = "* chosen; dim: never the quickest at any rate that it keeps up; batch: texts, at the highest of the fixed rates"
    table.caption_justify = "left"
    return table


def _effects(sweep: Mapping[str, Any]) -> Table:
    rates = sorted({entry["rate_rps"] for effect in sweep["effects"] for entry in effect["latency"]})
    table = Table(title="What one knob does, all else equal", title_justify="left")
    table.add_column("change", no_wrap=True)
    table.add_column("of", no_wrap=True)
    for heading in ("requests/s within the SLO", "told apart", *(f"p50 / p99 at {rate:g}/s" for rate in rates)):
        table.add_column(heading, justify="right")
    for effect in sweep["effects"]:
        latency = {entry["rate_rps"]: entry for entry in effect["latency"]}
        table.add_row(
            f"{effect['knob']}: {_value(effect['from'])} → {_value(effect['to'])}",
            effect["before"],
            _percent(effect["capacity"]),
            NONE if effect["certain"] is None else "yes" if effect["certain"] else "no",
            *(f"{_percent(latency[rate]['p50'])} / {_percent(latency[rate]['p99'])}" if rate in latency else NONE for rate in rates),
        )
    return table


def _name(one: Mapping[str, Any], sweep: Mapping[str, Any]) -> str:
    state = "" if one["state"] == "finished" else f" ({one['state']})"
    return f"{one['name']}{state}{' *' if one['name'] in sweep['best'].values() else ''}"


def _value(value: Any) -> str:
    return "as packaged" if value is None else shown(value)


def _interval(held: Mapping[str, Any] | None) -> str:
    if held is None:
        return NONE
    return "or more" if held["high_rps"] is None else f"{held['low_rps']:,.3g}–{held['high_rps']:,.3g}"


def _latency(load: Mapping[str, Any] | None) -> str:
    if load is None or load["latency_ms"] is None:
        return NONE
    return f"{milliseconds(load['latency_ms']['p50'])} / {milliseconds(load['latency_ms']['p99'])}"


def _cost(cost: Mapping[str, Any]) -> str:
    if cost["on_demand_usd_per_million"] is None:
        return NONE
    spot = cost["spot_usd_per_million"]
    return f"{cost['on_demand_usd_per_million']:.3g}" + ("" if spot is None else f", spot {spot:.3g}")


def _percent(change: float | None) -> str:
    return NONE if change is None else f"{change:+.0%}"
