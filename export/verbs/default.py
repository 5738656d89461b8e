"""`promote` and `rollback`: which version of a model answers by default."""

import argparse
from pathlib import Path
from typing import Any

from export.errors import ExportError
from export.registry import rollout
from export.registry.model_folder import current_config, require_model, require_version, versions
from export.registry.package import require_same_files
from export.verbs.arguments import Verbs, add_repository, add_triton, add_verb, model_name, told, triton_note, version_name
from model_repository import serving
from model_repository.manifest import Manifest

UNJUDGED = "also a version that was exported without an evaluation set"


def add(verbs: Verbs) -> None:
    """Add the verbs."""
    verb = add_verb(
        verbs,
        "promote",
        _promote,
        "make a version the default of its model",
        "Without a promotion the newest version that is ready answers. The version's files are checked before.",
    )
    verb.add_argument("name", type=version_name, metavar="MODEL/VERSION")
    verb.add_argument("--unjudged", action="store_true", help=UNJUDGED)
    add_repository(verb)
    add_triton(verb)
    verb = add_verb(verbs, "rollback", _rollback, "make the default before the present one the default again")
    verb.add_argument("model", type=model_name, metavar="MODEL")
    verb.add_argument("--unjudged", action="store_true", help=UNJUDGED)
    add_repository(verb)
    add_triton(verb)


def _promote(args: argparse.Namespace) -> int:
    model, version = args.name.model, args.name.version
    manifest = require_version(args.repository, model, version)
    require_same_files(args.repository / model / str(version), manifest)
    known = current_config(args.repository / model)
    if version in serving.out_of_service(known):
        raise ExportError(f"version {version} of {model} is out of service; put it back with `load {args.name}` first")
    _require_judged(manifest, args)
    before = serving.default_version(known)
    with told(args, model) as triton:
        # also where it is the default already: Triton may not know
        rollout.apply(args.repository, model, triton, lambda config: serving.promote(config, version))
        note = triton_note(triton, model)
    if before == version:
        print(f"{model}: version {version} is the default already. {note}")
    else:
        print(f"{model}: version {version} is the default (before: {_default(before)}). {note}")
    return 0


def _rollback(args: argparse.Namespace) -> int:
    require_model(args.repository, args.model)
    known = current_config(args.repository / args.model)
    present, back = serving.default_version(known), serving.rollback(known)
    if back in serving.out_of_service(known):
        raise ExportError(f"version {back} of {args.model}, the default before, is out of service; put it back with `load` first")
    _require_judged(_answering(args.repository, args.model, back, known), args)
    with told(args, args.model) as triton:
        rollout.apply(args.repository, args.model, triton, serving.rollback)
        note = triton_note(triton, args.model)
    print(f"{args.model}: {_default(back)} is the default again (before: {_default(present)}). {note}")
    return 0


def _answering(repository: Path, model: str, default: int | None, known: Any) -> Manifest | None:
    """The version that answers by default; None as the default stands for the newest in service."""
    in_service = {number: one for number, one in versions(repository / model).items() if number not in serving.out_of_service(known)}
    return in_service.get(max(in_service, default=0) if default is None else default)


def _require_judged(manifest: Manifest | None, args: argparse.Namespace) -> None:
    if manifest and manifest.unjudged and not args.unjudged:
        raise ExportError(
            f"{manifest.unjudged.said}: {manifest.model}/{manifest.version} was exported without an evaluation set, so nobody knows "
            "whether its answers are right; to make it the default all the same, add --unjudged"
        )


def _default(version: int | None) -> str:
    return "the newest that is ready" if version is None else f"version {version}"
