"""What a sweep leaves in its folder: sweep.html, sweep.json, CSV, and the best config.pbtxt with its capacity profile."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadtest.planning.sweep.configuration import Configuration
from loadtest.planning.sweep.findings.over_time import over_time_csv
from loadtest.planning.sweep.findings.table import to_csv
from loadtest.planning.sweep.stack.model_config import FILE
from loadtest.planning.sweep.stack.packaged import PackagedModel
from loadtest.planning.sweep.store import write
from loadtest.report.sweep_page import render_sweep

BEST, PROFILE = "best", "profile.json"


def write_sweep(folder: Path, sweep: Mapping[str, Any], configurations: Mapping[str, Configuration], packaged: PackagedModel) -> None:
    """Write all of it; the choice for the first workload lies in `best/`, that for each other one in a folder below."""
    write(folder / "sweep.json", json.dumps(sweep, indent=1) + "\n")
    write(folder / "sweep.csv", to_csv(sweep))
    for name, text in over_time_csv(sweep).items():
        write(folder / name, text)
    write(folder / "sweep.html", render_sweep(sweep))
    written = set()
    for index, (workload, name) in enumerate(sweep["best"].items()):
        where = folder / BEST if index == 0 else folder / BEST / workload.replace("/", "_").replace(" ", ",")
        write(where / FILE, best_config(sweep, workload, configurations[name], packaged))
        written.add(where / FILE)
        profile = sweep["profiles"].get(workload, {}).get("profile")
        if profile is not None:
            write(where / PROFILE, json.dumps(profile, indent=1) + "\n")
            written.add(where / PROFILE)
    for name in (FILE, PROFILE):
        for path in set((folder / BEST).rglob(name)) - written:
            path.unlink()  # of an earlier choice


def best_config(sweep: Mapping[str, Any], workload: str, configuration: Configuration, packaged: PackagedModel) -> str:
    """The `config.pbtxt` of all versions with the chosen knobs, and in comments what they are for and what the gateway must be told."""
    knobs = configuration.knobs
    settings = knobs.gateway_settings(sweep["model"])
    entry = next(one for one in sweep["configurations"] if one["name"] == configuration.name)
    lines = [
        f"{configuration.name}: {entry['capacity']['rps']:,.4g} requests/s within {sweep['slo']} with {workload}",
        f"version {packaged.version(knobs)} ({entry['packaged']['precision']}); measured with: {sweep['command']}",
        f"gateway: {' '.join(f'{name}={value}' for name, value in settings.items()) or 'no settings'}, --workers {knobs.workers or 1}",
    ]
    return "".join(f"# {line}\n" for line in lines) + packaged.tuned(knobs)
