"""The run of each configuration that is shown second by second: the one at the rate that it holds. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from typing import Any

from loadtest.planning.sweep.point import results_of, trial_of
from loadtest.results.csv_tables import table
from loadtest.results.observed import ROLES, GpuPoint, Observed, ProcessPoint, TritonPoint
from loadtest.results.results import Results
from loadtest.results.series import Slice
from loadtest.slo import Slo

WHERE = ("configuration", "rate_rps")


def run_over_time(runs: Sequence[Mapping[str, Any]], slo: Slo) -> dict[str, Any] | None:
    """Of the runs that were within the SLO the one at the highest rate, or of none of them the one at the lowest; JSON values.

    `runs`: the results of one configuration. None where no request ended.
    """
    judged = [(run, results, trial_of(point, slo)) for run in runs for point in run["points"] if (results := results_of(point)) is not None]
    if not judged:
        return None
    held = [(run, results, trial) for run, results, trial in judged if trial.passed and trial.kept_up]
    far = max if held else min
    rate_rps = far(trial.rate_rps for _, _, trial in held or judged)
    at_it = [one for one in held or judged if one[2].rate_rps == rate_rps]
    run, results, trial = next((one for one in reversed(at_it) if one[1].series), at_it[-1])
    return {
        "run": f"runs/{run['key']}.json",
        "rate_rps": rate_rps,
        "held": bool(held),
        "parts": parts_of(results.observed),
        "results": results.to_dict() | {"slo": str(slo), "slo_misses": list(trial.misses), "latency_by_second": []},
    }


def parts_of(observed: Observed) -> dict[str, dict[str, float]]:
    """By part of the stack cores of CPU, mean and most, and the most resident memory; without those that were not seen."""
    seen = {role: points for role in ROLES if (points := observed.of_role(role))}
    return {
        role: {
            "mean_cores": sum(point.cpu_cores for point in points) / len(points),
            "most_cores": max(point.cpu_cores for point in points),
            "most_memory_bytes": max(point.memory_bytes for point in points),
        }
        for role, points in seen.items()
    }


def over_time_csv(sweep: Mapping[str, Any]) -> dict[str, str]:
    """The runs over time as CSV by the name of the file: `series`, `processes`, `batches`, and `gpus` where there were any."""
    shown = [
        ((one["name"], one["over_time"]["rate_rps"]), Results.from_dict(one["over_time"]["results"]))
        for one in sweep["configurations"]
        if one["over_time"] is not None
    ]
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


def _names(kind: type[Slice | ProcessPoint | TritonPoint | GpuPoint]) -> list[str]:
    return [field.name for field in fields(kind)]
