"""sweep.csv: one line a configuration. Pure."""

import csv
from collections.abc import Mapping
from io import StringIO
from typing import Any

from loadtest.planning.sweep.point import PARTS


def to_csv(sweep: Mapping[str, Any]) -> str:
    """The configurations of a sweep.json as CSV; rates are columns of their own, what is not known is empty."""
    rates = sorted({load["rate_rps"] for one in sweep["configurations"] for load in one["loads"] if load["fixed"]})
    rows = [_row(one, rates, sweep) for one in sweep["configurations"]]
    text = StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _row(one: Mapping[str, Any], rates: list[float], sweep: Mapping[str, Any]) -> dict[str, Any]:
    sizes, quality, held = one["packaged"]["sizes"] or {}, one["packaged"]["quality"] or {}, one["capacity"] or {}
    row: dict[str, Any] = {
        "name": one["name"],
        "state": one["state"],
        "workload": one["workload"],
        "version": one["packaged"]["version"],
        "precision": one["packaged"]["precision"],
        "model_bytes": sizes.get("packaged_bytes"),
        "quality_metric": quality.get("metric"),
        "quality": quality.get("packaged"),
        "capacity_rps": held.get("rps"),
        "capacity_low_rps": held.get("low_rps"),
        "capacity_high_rps": held.get("high_rps"),
        "texts_per_s": one["texts_per_s"],
        "hit_rate": one["hit_rate"],
        "dominated": one["dominated"],
        "error": one["error"],
        "best": one["name"] == sweep["best"].get(one["workload"]),
    }
    for cost in one["cost"]:
        for market in ("on_demand", "spot"):
            row[f"{market}_usd_per_million@{cost['instance']}"] = cost[f"{market}_usd_per_million"]
    row |= {f"{part}_memory_bytes": (one["memory_bytes"] or {}).get(part) for part in PARTS}
    loads = {load["rate_rps"]: load for load in one["loads"]}
    for rate in rates:
        load = loads.get(rate, {})
        row |= {f"{name}_ms@{rate:g}rps": (load.get("latency_ms") or {}).get(name) for name in ("p50", "p95", "p99")}
        row[f"mean_batch_texts@{rate:g}rps"] = load.get("mean_batch_texts")
        row |= {f"{part}_cpu_s_per_request@{rate:g}rps": (load.get("cpu_s_per_request") or {}).get(part) for part in PARTS}
    return row
