"""`list` and `show`: what the repository holds."""

import argparse
from pathlib import Path
from textwrap import shorten
from typing import Any

from export.registry.model_folder import current_config, models, require_model, require_version
from export.registry.running_triton import RunningTriton, connect
from export.verbs.arguments import (
    Verbs,
    add_json,
    add_repository,
    add_triton,
    add_verb,
    megabytes,
    model_or_version,
    print_json,
    print_table,
    triton_of,
)
from model_repository.manifest import Manifest
from model_repository.serving import default_version, history, out_of_service
from model_repository.signature import read_signatures

SHOWN_DIGEST, SHOWN_STATE = 19, 60


def add(verbs: Verbs) -> None:
    """Add the verbs."""
    verb = add_verb(verbs, "list", _list, "list the packaged versions")
    add_repository(verb)
    add_triton(verb)
    add_json(verb)
    verb = add_verb(verbs, "show", _show, "show a model, or a version with its whole manifest")
    verb.add_argument("name", type=model_or_version, metavar="MODEL[/VERSION]")
    add_repository(verb)
    add_triton(verb)
    add_json(verb)


def _list(args: argparse.Namespace) -> int:
    with connect(triton_of(args, to_change=False)) as triton:
        rows = [row for model in models(args.repository) for row in _rows(args.repository, model, triton)]
    if args.json:
        print_json(rows)
    elif rows:
        _print_rows(rows)
    else:
        print(f"{args.repository} holds no packaged version.")
    return 0


def _show(args: argparse.Namespace) -> int:
    model, version = args.name
    with connect(triton_of(args, to_change=False)) as triton:
        require_model(args.repository, model)
        rows = _rows(args.repository, model, triton)
    if version is None:
        return _show_model(args, model, rows)
    manifest = require_version(args.repository, model, version)
    (row,) = (row for row in rows if row["version"] == version)
    facts: dict[str, Any] = {name: row[name] for name in ("default", "in_service", "signed", "triton") if name in row}
    if args.json:
        print_json({**manifest.model_dump(mode="json"), **facts})
    else:
        print_table(("FIELD", "VALUE"), [*_flat(facts), *_flat(manifest.model_dump(mode="json", exclude_none=True))])
    return 0


def _show_model(args: argparse.Namespace, model: str, rows: list[dict[str, Any]]) -> int:
    config = current_config(args.repository / model)
    promoted, before = default_version(config), history(config)
    if args.json:
        print_json({"model": model, "default_version": promoted, "history": before, "versions": rows})
        return 0
    _print_rows(rows)
    print(f"\ndefault: {_default(promoted)}")
    if before:
        print(f"before, oldest first: {', '.join(map(_default, before))}")
    return 0


def _rows(repository: Path, model: str, triton: RunningTriton | None) -> list[dict[str, Any]]:
    packaged, signatures, config = require_model(repository, model), read_signatures(repository / model), current_config(repository / model)
    promoted, out = default_version(config), out_of_service(config)
    states = triton.states() if triton else {}
    rows = []
    for version, manifest in packaged.items():
        row = _row(manifest, promoted == version, version not in out, version in signatures)
        if triton:
            state = states.get((model, version))
            row["triton"] = f"{state.name} {state.reason}".strip() if state else "not loaded"
        rows.append(row)
    return rows


def _row(manifest: Manifest, default: bool, in_service: bool, signed: bool) -> dict[str, Any]:
    return {
        "model": manifest.model,
        "version": manifest.version,
        "task": manifest.task,
        "precision": manifest.precision,
        "target": manifest.target,
        "quality": manifest.quality and {"metric": manifest.quality.metric, "packaged": manifest.quality.packaged},
        "packaged_bytes": manifest.sizes.packaged_bytes,
        "digest": manifest.digest,
        "default": default,
        "in_service": in_service,
        "signed": signed,
    }


def _print_rows(rows: list[dict[str, Any]]) -> None:
    columns = ["MODEL", "VERSION", "TASK", "PRECISION", "TARGET", "QUALITY", "SIZE", "SERVICE", "SIGNED", "DIGEST"]
    lines = []
    for row in rows:
        quality = f"{row['quality']['metric']} {row['quality']['packaged']:.4f}" if row["quality"] else "–"
        service = "default" if row["default"] else "in service" if row["in_service"] else "out of service"
        line = [row["model"], str(row["version"]), row["task"], row["precision"], row["target"], quality, megabytes(row["packaged_bytes"])]
        line += [service, "yes" if row["signed"] else "no", row["digest"][:SHOWN_DIGEST]]
        lines.append(line + ([shorten(row["triton"], SHOWN_STATE, placeholder=" …")] if "triton" in row else []))
    print_table(columns + (["TRITON"] if "triton" in rows[0] else []), lines)


def _flat(fields: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """A manifest's fields with their places, a line each."""
    found: list[tuple[str, str]] = []
    for name, value in fields.items():
        if isinstance(value, dict):
            found += _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple) and any(isinstance(one, dict) for one in value):
            for number, one in enumerate(value, start=1):
                found += _flat(one, f"{prefix}{name}.{number}.")
        else:
            found.append((f"{prefix}{name}", ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)))
    return found


def _default(version: int | None) -> str:
    return "the newest that is ready" if version is None else f"version {version}"
