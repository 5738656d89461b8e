"""sweep.csv (one line for each configuration), and the runs over time as CSV. Pure."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from io import StringIO

from pydantic import JsonValue

from loadtest.planning.sweep.findings.entry import Entry
from loadtest.planning.sweep.findings.loads import Load
from loadtest.planning.sweep.findings.summary import SweepSummary
from loadtest.planning.sweep.point import PARTS
from loadtest.results.csv_tables import table
from loadtest.results.observed import GpuPoint, ProcessPoint, TritonPoint
from loadtest.results.series import Slice

PERCENTILES = ("p50", "p95", "p99")
WHERE = ("configuration", "rate_rps")


def to_csv(sweep: SweepSummary) -> str:
    """The configurations as CSV; each rate has columns of its own, what is not known is empty."""
    rates = sweep.fixed_rates
    rows = [_row(entry, rates, sweep) for entry in sweep.entries]
    text = StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def over_time_csv(sweep: SweepSummary) -> dict[str, str]:
    """The runs over time as CSV, by the name of the file.

    `series`, `processes`, `batches`, and `gpus` where there were any.
    """
    shown = [((entry.name, entry.over_time.rate_rps), entry.over_time.results) for entry in sweep.entries if entry.over_time is not None]
    processes = (
        (*where, use.name, use.role, use.pid, *astuple(point))
        for where, results in shown
        for use in results.observed.processes
        for point in use.series
    )
    batches = (
        (*where, triton.url, *astuple(point)) for where, results in shown for triton in results.observed.tritons for point in triton.series
    )
    gpus = [
        (*where, gpu.gpu, *astuple(point))
        for where, results in shown
        for triton in results.observed.tritons
        for gpu in triton.gpus
        for point in gpu.series
    ]
    files = {
        "series.csv": table([*WHERE, *_names(Slice)], ((*where, *astuple(part)) for where, results in shown for part in results.series)),
        "processes.csv": table([*WHERE, "name", "role", "pid", *_names(ProcessPoint)], processes),
        "batches.csv": table([*WHERE, "triton", *_names(TritonPoint)], batches),
    }
    return files | ({"gpus.csv": table([*WHERE, "gpu", *_names(GpuPoint)], gpus)} if gpus else {})


def _row(entry: Entry, rates: Sequence[float], sweep: SweepSummary) -> dict[str, JsonValue]:
    packaged, held = entry.description.packaged, entry.capacity
    sizes, quality = packaged.sizes or {}, packaged.quality or {}
    row: dict[str, JsonValue] = {
        "name": entry.name,
        "state": entry.state,
        "workload": entry.workload,
        "version": packaged.version,
        "precision": packaged.precision,
        "model_bytes": sizes.get("packaged_bytes"),
        "quality_metric": quality.get("metric"),
        "quality": quality.get("packaged"),
        "capacity_rps": None if held is None else held.rps,
        "capacity_low_rps": None if held is None else held.low_rps,
        "capacity_high_rps": None if held is None else held.high_rps,
        "texts_per_s": entry.texts_per_s,
        "hit_rate": entry.hit_rate,
        "dominated": entry.name in sweep.dominated,
        "error": entry.error,
        "best": entry.name == sweep.best.get(entry.workload),
    }
    for cost in entry.cost:
        row[f"on_demand_usd_per_million@{cost.instance}"] = cost.on_demand_usd_per_million
        row[f"spot_usd_per_million@{cost.instance}"] = cost.spot_usd_per_million
    row |= {f"{part}_memory_bytes": (entry.memory_bytes or {}).get(part) for part in PARTS}
    loads = {load.rate_rps: load for load in entry.loads}
    for rate in rates:
        row |= _at(rate, loads.get(rate))
    return row


def _at(rate_rps: float, load: Load | None) -> dict[str, float | None]:
    """The columns of one rate; empty where the configuration was not put under it."""
    latency_ms: Mapping[str, float] = (load.latency_ms if load is not None else None) or {}
    cpu_s: Mapping[str, float] = (load.cpu_s_per_request if load is not None else None) or {}
    return {
        **{f"{name}_ms@{rate_rps:g}rps": latency_ms.get(name) for name in PERCENTILES},
        f"mean_batch_texts@{rate_rps:g}rps": None if load is None else load.mean_batch_texts,
        **{f"{part}_cpu_s_per_request@{rate_rps:g}rps": cpu_s.get(part) for part in PARTS},
    }


def _names(kind: type[Slice | ProcessPoint | TritonPoint | GpuPoint]) -> list[str]:
    return [field.name for field in fields(kind)]
