"""The command line: `python -m export run RECIPE.yaml`."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from export import package
from export.errors import ExportError, RecipeError
from export.inputs import Inputs
from export.progress import Progress
from export.quiet import quieten
from export.recipe import Recipe

DEFAULT_REPOSITORY = Path("model_repository/models")
DEFAULT_WORK = Path(".work/export")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code: 0, 1 for a step or check that failed, 2 for a recipe or command line that cannot be used."""
    args = _parser().parse_args(arguments)
    try:
        run(args.recipe, args.repository, args.work, force=args.force, progress=Progress())
    except ExportError as exc:
        print(f"export: {exc}", file=sys.stderr)
        return exc.exit_code
    except KeyboardInterrupt:
        print("export: interrupted; the repository is as it was", file=sys.stderr)
        return 130
    return 0


def run(recipe_file: Path, repository: Path, work: Path, *, force: bool, progress: Progress) -> None:
    """Export what a recipe says, unless the repository holds it already.

    Raises:
        ExportError: a step or a check failed, or the version exists with other contents and `force` is false.
    """
    recipe = Recipe.read(recipe_file)
    try:
        _export(recipe, repository, work, force=force, progress=progress)
    except RecipeError as exc:
        raise RecipeError(f"{recipe_file}: {exc}") from exc


def _export(recipe: Recipe, repository: Path, work: Path, *, force: bool, progress: Progress) -> None:
    begin = time.monotonic()
    inputs = Inputs.of(recipe)
    name = f"{recipe.model} version {recipe.version}"
    if not force and (packaged := package.find_version(repository, recipe.model, recipe.version)):
        if packaged.source.inputs_digest != inputs.digest:
            raise ExportError(
                f"{name} is in {repository} already, made from another recipe, checkpoint, adapter or evaluation set; "
                "give this one a new version number, or replace the old one with --force"
            )
        package.require_intact(repository, packaged)
        progress.say(f"{name} is in {repository} already, made from the same inputs: nothing to do.")
        return
    quieten()
    # torch and transformers take seconds to import, and read the settings above when they are
    from export.pipeline import export

    export(inputs, repository, work, progress)
    progress.say(f"{name} is packaged after {time.monotonic() - begin:.0f} s.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m export", description="Checkpoint → ONNX → quantized → checked → packaged version.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verb = verbs.add_parser("run", help="export one version, as a recipe says", description="Export one version, as a recipe says.")
    verb.add_argument("recipe", type=Path, metavar="RECIPE.yaml")
    verb.add_argument("--repository", type=Path, default=DEFAULT_REPOSITORY, metavar="DIR", help="where packaged versions go (%(default)s)")
    verb.add_argument("--work", type=Path, default=DEFAULT_WORK, metavar="DIR", help="where intermediate files lie (%(default)s)")
    verb.add_argument("--force", action="store_true", help="export anew, and replace the version if the repository holds it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
