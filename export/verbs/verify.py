"""`verify MODEL/VERSION`: whether it is what its manifest says."""

import argparse
import os
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from export.counts import counted
from export.errors import ExportError, RecipeError, TableError
from export.progress import Progress
from export.provenance import recipe_of
from export.quiet import quieten
from export.registry.model_folder import require_version
from export.registry.signing import read_public_key
from export.registry.verification import faults
from export.verbs.arguments import Verbs, add_json, add_repository, add_verb, print_json, version_name
from model_repository.manifest import Manifest
from model_repository.measured import Quality
from model_repository.signature import PublicKey

KEY_VARIABLE = "HEADRACE_MANIFEST_PUBLIC_KEY"


def add(verbs: Verbs) -> None:
    """Add the verb."""
    verb = add_verb(
        verbs,
        "verify",
        _verify,
        "check a version's files against its manifest, config.pbtxt and signature, and its quality",
        "With --evaluation the packaged version answers its evaluation set again: the metric must be the manifest's, within the tolerance, "
        "over all and in each slice, and within the bounds of its gate.",
    )
    verb.add_argument("name", type=version_name, metavar="MODEL/VERSION")
    add_repository(verb)
    add_public_key(verb)
    gate = verb.add_argument_group("the quality gate once more")
    gate.add_argument("--evaluation", type=Path, metavar="FILE", help="the evaluation set of the manifest, wherever it lies now")
    gate.add_argument("--any-data", action="store_true", help="take another set than the manifest's too")
    gate.add_argument(
        "--column",
        type=_role,
        action="append",
        default=[],
        metavar="ROLE=NAME",
        help="the set's column in a role (text, label …) where it is not called as the manifest says; can be repeated",
    )
    gate.add_argument(
        "--tolerance",
        type=_tolerance,
        metavar="X",
        help="how far figures may be from the manifest's (0.001: the same kind of machine; another one rounds otherwise)",
    )
    add_json(verb)


def add_public_key(parser: argparse.ArgumentParser) -> None:
    """`--public-key`: the signature must be by its owner."""
    parser.add_argument(
        "--public-key",
        metavar="KEY",
        default=os.environ.get(KEY_VARIABLE) or None,
        help=f"the signature must fit this ed25519 public key: a file, or base64 (${KEY_VARIABLE}); none: signatures are not checked",
    )


def chosen_key(args: argparse.Namespace) -> PublicKey | None:
    """The key that was given, if any."""
    return read_public_key(args.public_key) if args.public_key else None


def _role(text: str) -> tuple[str, str]:
    role, equals, name = text.partition("=")
    if not (role and equals and name):
        raise argparse.ArgumentTypeError(f"{text!r} is not ROLE=NAME, as in text=body")
    return role, name


def _tolerance(text: str) -> float:
    with suppress(ValueError):
        if (value := float(text)) >= 0:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 0")


def _verify(args: argparse.Namespace) -> int:
    if not args.evaluation and (args.any_data or args.column or args.tolerance is not None):
        raise RecipeError("--any-data, --column and --tolerance are about the evaluation set; give it with --evaluation FILE")
    key = chosen_key(args)
    manifest = require_version(args.repository, args.name.model, args.name.version)
    found, quality = faults(args.repository, args.name.model, args.name.version, key), None
    if args.evaluation and found:
        found.append("the quality gate was not repeated, as that would not be the gate of what the manifest speaks of")
    elif args.evaluation:
        quality, lost = _repeat_gate(args, manifest)
        found += lost
    if args.json:
        measured = {} if quality is None else {"quality": quality}
        print_json({"model": args.name.model, "version": args.name.version, "digest": manifest.digest, "faults": found, **measured})
        return 1 if found else 0
    for fault in found:
        print(f"export: {fault}", file=sys.stderr)
    if not found:
        signed = "signed by this key" if key else "its signature was not looked at: no --public-key"
        print(f"{args.name} is what its manifest says: {manifest.digest} ({signed}).")
        if manifest.quality:
            print(_said(quality, args.evaluation) if quality else _how_to_repeat(manifest, manifest.quality))
    return 1 if found else 0


def _repeat_gate(args: argparse.Namespace, manifest: Manifest) -> tuple[dict[str, Any], list[str]]:
    """What was measured, as JSON values, and what is wrong with it."""
    if manifest.quality is None:
        raise ExportError(f"the manifest of {args.name} holds no figures of its quality; there is nothing to compare with")
    quieten()
    # the tasks and ONNX Runtime take a while to import, and the other checks do without
    from export.data.table import read_table
    from export.registry import quality_check

    progress = Progress(Console(stderr=True, highlight=False, soft_wrap=True, markup=False))
    try:
        table = read_table(args.evaluation)
    except TableError as exc:
        raise RecipeError(f"--evaluation: {exc}") from exc
    if not args.any_data:
        quality_check.require_same_set(manifest.quality, table)
    with progress.step("gate", f"the version answers {counted(len(table), 'example')}") as step:
        try:
            dataset = quality_check.evaluation_set(manifest.quality, table, dict(args.column))
            measured = quality_check.measure_again(
                args.repository / str(args.name), manifest, manifest.quality, dataset, advance=step.advance
            )
        except RecipeError as exc:
            raise RecipeError(f"{exc} (--column ROLE=NAME says which column holds what)") from exc
        step.note = f"{counted(len(table), 'example')} with {measured.provider}"
    tolerance = quality_check.TOLERANCE if args.tolerance is None else args.tolerance
    return {**asdict(measured), "tolerance": tolerance}, list(quality_check.quality_faults(measured, tolerance))


def _said(quality: dict[str, Any], data: Path) -> str:
    every, *slices = quality["figures"]
    among = f", and so it is in {counted(len(slices), 'slice')}" if slices else ""
    return (
        f"{quality['metric']} is {every['measured']:.4f} on {counted(every['examples'], 'example')} of {data}, the manifest's within "
        f"{quality['tolerance']:g}{among}; of the fp32 reference's {every['reference']:.4f} it loses {every['drop']:.4f}, "
        f"at most {every['bound']:.4f}."
    )


def _how_to_repeat(manifest: Manifest, quality: Quality) -> str:
    """The place of the evaluation set, if it is still where the recipe said."""
    recipe = recipe_of(manifest.source.command)
    place = Path(os.path.normpath((recipe.parent if recipe else Path()) / quality.data))
    shown = f"--evaluation {place}" if place.exists() else f"--evaluation FILE (the recipe called it {quality.data})"
    return f"Its quality was not measured again; to do so, add {shown}."
