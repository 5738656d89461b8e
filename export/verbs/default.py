"""`promote` and `rollback`: which version of a model answers by default."""

import argparse

from export.errors import ExportError
from export.registry import rollout
from export.registry.default_version import require_change_said, require_judged
from export.registry.model_folder import current_config, require_model, require_version
from export.registry.package import require_same_files
from export.verbs.arguments import Verbs, add_repository, add_triton, add_unjudged, add_verb, model_name, told, triton_note, version_name
from model_repository import serving


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
    add_unjudged(verb)
    add_repository(verb)
    add_triton(verb)
    verb = add_verb(verbs, "rollback", _rollback, "make the default before the present one the default again")
    verb.add_argument("model", type=model_name, metavar="MODEL")
    add_unjudged(verb)
    add_repository(verb)
    add_triton(verb)


def _promote(args: argparse.Namespace) -> int:
    model, version = args.name.model, args.name.version
    manifest = require_version(args.repository, model, version)
    require_same_files(args.repository / model / str(version), manifest)
    known = current_config(args.repository / model)
    if version in serving.out_of_service(known):
        raise ExportError(f"version {version} of {model} is out of service; put it back with `load {args.name}` first")
    require_judged(manifest, said=args.unjudged)
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
    require_change_said(args.repository, args.model, serving.rollback, said=args.unjudged)
    with told(args, args.model) as triton:
        rollout.apply(args.repository, args.model, triton, serving.rollback)
        note = triton_note(triton, args.model)
    print(f"{args.model}: {_default(back)} is the default again (before: {_default(present)}). {note}")
    return 0


def _default(version: int | None) -> str:
    return "the newest that is ready" if version is None else f"version {version}"
