"""`run RECIPE.yaml`: export a version, or several adapters of one checkpoint as versions."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from export import provenance
from export.counts import counted
from export.errors import ExportError, RecipeError
from export.inputs import Inputs
from export.progress import Progress
from export.quiet import quieten
from export.recipe.recipe import Recipe
from export.registry import package, signing
from export.registry.default_version import require_replaceable
from export.registry.disk import full_disk_named, require_room
from export.registry.export_lock import exclusive
from export.registry.offering import offer
from export.registry.verification import require_signed
from export.verbs.arguments import Verbs, add_repository, add_triton, add_unjudged, add_verb
from model_repository.signature import PrivateKey

DEFAULT_WORK = Path(".work/export")


def add(verbs: Verbs, arguments: Sequence[str]) -> None:
    """Add the verb; `arguments` is the command line, which the manifest keeps."""

    def handle(args: argparse.Namespace) -> int:
        key = signing.read_private_key(args.sign_key) if args.sign_key else None
        run(
            args.recipe,
            args.repository,
            args.work,
            force=args.force,
            evaluate=not args.no_evaluation,
            unjudged=args.unjudged,
            triton=args.triton,
            progress=Progress(),
            key=key,
            arguments=arguments,
        )
        return 0

    verb = add_verb(
        verbs,
        "run",
        handle,
        "export what a recipe says",
        "A stack that serves the repository on this machine, or the Triton that is given, offers the version at once.",
    )
    verb.add_argument("recipe", type=Path, metavar="RECIPE.yaml")
    add_repository(verb)
    add_triton(verb)
    verb.add_argument("--work", type=Path, default=DEFAULT_WORK, metavar="DIR", help="where intermediate files lie (%(default)s)")
    verb.add_argument("--force", action="store_true", help="export anew, and replace the version if the repository holds it")
    verb.add_argument("--no-evaluation", action="store_true", help="let nobody judge the quality, as with evaluation: none in the recipe")
    add_unjudged(verb)
    verb.add_argument("--sign-key", type=Path, metavar="FILE", help="sign the version with this ed25519 private key (PEM, see `keygen`)")


def run(
    recipe_file: Path,
    repository: Path,
    work: Path,
    *,
    force: bool,
    progress: Progress,
    evaluate: bool = True,
    unjudged: bool = False,
    triton: str | None = None,
    key: PrivateKey | None = None,
    arguments: Sequence[str] = (),
) -> None:
    """Export what a recipe says, unless the repository has it; sign it where a key is given.

    Where a Triton runs on the repository, or one is given, it loads the version. One that nobody
    judged replaces a judged one that answers by default only where `unjudged` says so.

    Raises:
        ExportError: a step or a check failed, the version exists with other contents and `force` is
            false, or nobody would judge what answers by default.
    """
    for recipe in Recipe.read_all(recipe_file, evaluate=evaluate):
        try:
            packaged = _export(recipe, recipe_file, repository, work, arguments, force=force, unjudged=unjudged, progress=progress)
        except RecipeError as exc:
            raise RecipeError(f"{recipe_file}: {exc}") from exc
        if key:
            packaged |= _sign(recipe, repository, key, progress)
        offer(repository, recipe.model, recipe.version, triton, progress, packaged=packaged)


def _export(
    recipe: Recipe,
    recipe_file: Path,
    repository: Path,
    work: Path,
    arguments: Sequence[str],
    *,
    force: bool,
    unjudged: bool,
    progress: Progress,
) -> bool:
    """Export a version; returns whether it was packaged, and not there already."""
    begin = time.monotonic()
    name = f"{recipe.model} version {recipe.version}"
    with progress.step("inputs", f"reading what {name} is made of") as step:
        inputs = Inputs.of(recipe)
        step.note = f"{recipe.checkpoint}, {_read(inputs)}"
    if not force and (packaged := package.find_version(repository, recipe.model, recipe.version)):
        if packaged.source.inputs_digest != inputs.digest:
            raise ExportError(
                f"{name} is in {repository} already, made from another recipe, checkpoint, adapter or evaluation set; "
                "give this one a new version number, or replace the old one with --force"
            )
        package.require_intact(repository, packaged)
        progress.say(f"{name} is in {repository} already, made from the same inputs: nothing to do.")
        return False
    if inputs.evaluation is None:
        require_replaceable(repository, recipe.model, recipe.version, said=unjudged)
    made_by = provenance.Provenance.of(recipe_file, arguments)
    with exclusive(recipe.model, recipe.version, repository, work), full_disk_named([work, repository]):
        require_room(recipe, inputs.checkpoint.size_bytes, repository, work)
        with progress.step("start", "importing PyTorch, transformers and ONNX Runtime"):
            quieten()
            # they take seconds to import, and read the settings above when they are
            from export.pipeline import export
        export(inputs, repository, work, progress, made_by=made_by, unjudged=unjudged)
    progress.say(f"{name} is packaged after {time.monotonic() - begin:.0f} s.")
    return True


def _read(inputs: Inputs) -> str:
    if inputs.evaluation is None:
        return "no evaluation set: nobody judges the quality"
    return f"{counted(len(inputs.evaluation), 'example')} of {inputs.evaluation.name}"


def _sign(recipe: Recipe, repository: Path, key: PrivateKey, progress: Progress) -> bool:
    """Sign a version; returns whether it was not signed by this key already."""
    try:
        require_signed(repository / recipe.model / str(recipe.version), key.public)
    except ExportError:
        signing.sign(repository, recipe.model, recipe.version, key)
        progress.say(f"{recipe.model} version {recipe.version} is signed (public key {key.public}).")
        return True
    return False
