"""`gc`: remove the versions that nothing uses."""

import argparse
import os
from pathlib import Path
from typing import Any

from export.counts import counted
from export.registry.model_folder import current_config, models, require_model
from export.registry.removal import remove
from export.registry.running_triton import connect
from export.registry.usage import Experiments, read_experiments, uses
from export.verbs.arguments import (
    Verbs,
    add_json,
    add_repository,
    add_triton,
    add_verb,
    megabytes,
    model_name,
    print_json,
    print_table,
    triton_note,
    triton_of,
)

EXPERIMENTS_VARIABLE = "HEADRACE_EXPERIMENTS_FILE"


def add(verbs: Verbs) -> None:
    """Add the verb."""
    verb = add_verb(
        verbs,
        "gc",
        _gc,
        "remove the versions that no experiment and no default uses",
        "Without --yes it only says what would go. The default that a rollback would restore stays, and so do versions in service that "
        "are newer than the default.",
    )
    verb.add_argument("model", nargs="?", type=model_name, metavar="MODEL", help="only this one")
    file = os.environ.get(EXPERIMENTS_VARIABLE)
    which = verb.add_mutually_exclusive_group(required=not file)
    which.add_argument(
        "--experiments", type=Path, metavar="FILE", default=file and Path(file), help=f"the gateway's experiments (${EXPERIMENTS_VARIABLE})"
    )
    which.add_argument("--no-experiments", action="store_true", help="there are no experiments")
    verb.add_argument("--yes", action="store_true", help="remove them")
    add_repository(verb)
    add_triton(verb)
    add_json(verb)


def _gc(args: argparse.Namespace) -> int:
    experiments: Experiments = {} if args.no_experiments else read_experiments(args.experiments)
    rows: list[dict[str, Any]] = [
        {"model": model, "version": version, "bytes": _size_bytes(args.repository / model / str(version)), "used_by": used_by}
        for model in ([args.model] if args.model else models(args.repository))
        for version, used_by in _uses(args.repository, model, experiments).items()
    ]
    unused = [row for row in rows if not row["used_by"]]
    removed = sorted({row["model"] for row in unused}) if args.yes else []
    with connect(triton_of(args) if removed else None) as triton:
        for model in removed:
            remove(args.repository, model, [row["version"] for row in unused if row["model"] == model], triton)
        notes = " ".join(triton_note(triton, model) for model in removed)
    if args.json:
        print_json({"removed" if args.yes else "would_remove": unused, "kept": [row for row in rows if row["used_by"]]})
    else:
        if not rows:
            print(f"{args.repository} holds no packaged version.")
            return 0
        fate = "unused: removed" if args.yes else "unused: would be removed"
        table = [[row["model"], str(row["version"]), megabytes(row["bytes"]), ", ".join(row["used_by"]) or fate] for row in rows]
        print_table(("MODEL", "VERSION", "SIZE", "USE"), table)
        if removed:
            print(f"\n{notes}")
        elif unused:
            size = megabytes(sum(row["bytes"] for row in unused))
            print(f"\n{len(unused)} of {counted(len(rows), 'version')} ({size}) would go: repeat with --yes.")
    return 0


def _uses(repository: Path, model: str, experiments: Experiments) -> dict[int, list[str]]:
    packaged = require_model(repository, model)
    return uses(current_config(repository / model), packaged, experiments.get(model, ()))


def _size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
