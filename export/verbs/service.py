"""`load` and `unload`: put versions into service and take them out, while traffic flows."""

import argparse
import time
from contextlib import nullcontext

from export.errors import ExportError
from export.progress import waiting
from export.registry import rollout
from export.registry.default_version import require_change_said
from export.registry.model_folder import current_config, require_model, require_version
from export.registry.running_triton import connect
from export.verbs.arguments import (
    Verbs,
    add_repository,
    add_triton,
    add_unjudged,
    add_verb,
    model_or_version,
    tell,
    told,
    triton_note,
    triton_of,
)
from model_repository.serving import default_version, out_of_service, put_back, take_out

DRAIN_S = 5.0
"""A gateway reads its catalog every two seconds unless it is set otherwise."""


def add(verbs: Verbs) -> None:
    """Add the verbs."""
    verb = add_verb(
        verbs,
        "load",
        _load,
        "put a version into service, or let Triton load a model anew",
        "MODEL alone leaves versions that were taken out of service where they are, unless none is in service.",
    )
    verb.add_argument("name", type=model_or_version, metavar="MODEL[/VERSION]")
    add_unjudged(verb)
    add_repository(verb)
    add_triton(verb)
    verb = add_verb(
        verbs,
        "unload",
        _unload,
        "take a version, or a whole model, out of service",
        "It stays packaged and stays out until `load` puts it back. Gateways turn away from it first, then Triton unloads it.",
    )
    verb.add_argument("name", type=model_or_version, metavar="MODEL[/VERSION]")
    verb.add_argument(
        "--drain-s",
        type=float,
        default=DRAIN_S,
        metavar="S",
        help="seconds in which gateways notice it, between the two steps (%(default)s)",
    )
    verb.add_argument("--force", action="store_true", help="also the default version")
    add_unjudged(verb)
    add_repository(verb)
    add_triton(verb)


def _load(args: argparse.Namespace) -> int:
    model, version = args.name
    packaged = require_model(args.repository, model)
    out = out_of_service(current_config(args.repository / model))
    if version is not None:
        require_version(args.repository, model, version)
        back = {version}
    else:
        back = set() if set(packaged) - out else out
    require_change_said(args.repository, model, lambda config: put_back(config, back), said=args.unjudged)
    with told(args, model) as triton:
        rollout.apply(args.repository, model, triton, lambda config: put_back(config, back))
        note = triton_note(triton, model)
    names = [str(number) for number in packaged if number not in out - back]
    print(f"{model}: in service {'is version' if len(names) == 1 else 'are versions'} {', '.join(names)}. {note}")
    return 0


def _unload(args: argparse.Namespace) -> int:
    model, version = args.name
    packaged = require_model(args.repository, model)
    if version is not None:
        require_version(args.repository, model, version)
        if default_version(current_config(args.repository / model)) == version and not args.force:
            raise ExportError(f"version {version} is the default of {model}: promote another version first, or take it out with --force")
    leaving = set(packaged) if version is None else {version}
    require_change_said(args.repository, model, lambda config: take_out(config, leaving), said=args.unjudged)
    what = f"version {version}" if version is not None else "every version"
    with connect(triton_of(args)) as triton:
        if triton and rollout.announce(args.repository, model, triton, lambda config: take_out(config, leaving)):
            with waiting(f"gateways turn away from {what} of {model}; Triton unloads in {args.drain_s:g} s", tell):
                time.sleep(args.drain_s)  # gateways ask for the catalog in their own time
        with waiting(f"Triton at {triton.url} unloads", tell) if triton else nullcontext():
            rollout.apply(args.repository, model, triton, lambda config: take_out(config, leaving))
        note = triton_note(triton, model)
    print(f"{model}: {what} is out of service. {note}")
    return 0
