"""What a sweep leaves in its folder.

That is sweep.html, sweep.json, CSV, and the best config.pbtxt with its capacity profile.
"""

import json
from pathlib import Path

from loadtest.planning.sweep.findings.entry import Entry
from loadtest.planning.sweep.findings.summary import SweepSummary
from loadtest.planning.sweep.findings.sweep_csv import over_time_csv, to_csv
from loadtest.planning.sweep.findings.sweep_json import sweep_json
from loadtest.planning.sweep.stack.model_config import FILE
from loadtest.planning.sweep.store import write
from loadtest.report.sweep_page import render_sweep

BEST, PROFILE = "best", "profile.json"


def write_sweep(folder: Path, sweep: SweepSummary) -> None:
    """Write all of it.

    The choice for the first workload lies in `best/`, that for each other one in a folder below.
    """
    write(folder / "sweep.json", json.dumps(sweep_json(sweep), indent=1) + "\n")
    write(folder / "sweep.csv", to_csv(sweep))
    for name, text in over_time_csv(sweep).items():
        write(folder / name, text)
    write(folder / "sweep.html", render_sweep(sweep))
    entries = {entry.name: entry for entry in sweep.entries}
    written = set()
    for index, (workload, name) in enumerate(sweep.best.items()):
        where = folder / BEST if index == 0 else folder / BEST / workload.replace("/", "_").replace(" ", ",")
        write(where / FILE, best_config(sweep, entries[name]))
        written.add(where / FILE)
        chosen = sweep.profiles.get(workload)
        if chosen is not None and chosen.profile is not None:
            write(where / PROFILE, json.dumps(chosen.profile, indent=1) + "\n")
            written.add(where / PROFILE)
    for name in (FILE, PROFILE):
        for path in set((folder / BEST).rglob(name)) - written:
            path.unlink()  # of an earlier choice


def best_config(sweep: SweepSummary, entry: Entry) -> str:
    """The `config.pbtxt` of all versions with the knobs of a chosen configuration.

    Comments say what it is for, and which settings the gateway needs.
    """
    described, knobs = entry.description, sweep.definition.configurations[entry.name].knobs
    held_rps = 0.0 if entry.capacity is None else entry.capacity.rps
    settings = " ".join(f"{name}={value}" for name, value in described.settings.items()) or "no settings"
    lines = [
        f"{entry.name}: {held_rps:,.4g} requests/s within {sweep.slo} with {entry.workload}",
        f"version {described.packaged.version} ({described.packaged.precision}); measured with: {sweep.definition.command}",
        f"gateway: {settings}, --workers {described.workers}",
    ]
    return "".join(f"# {line}\n" for line in lines) + sweep.definition.packaged.tuned(knobs)
