"""What made a version, besides its inputs: the command line and the recipe's git commit."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAM = "python -m export"


@dataclass(frozen=True)
class Provenance:
    """What the manifest's source records of it."""

    recipe_revision: str | None = None
    command: str | None = None

    @classmethod
    def of(cls, recipe: Path, arguments: Sequence[str]) -> "Provenance":
        """The provenance of a version that is made from a recipe's file by a command line."""
        return cls(git_revision(recipe), f"{PROGRAM} {shlex.join(arguments)}")


def recipe_of(command: str | None) -> Path | None:
    """The path of the recipe in a manifest's command line, as written there; None without one."""
    try:
        words = shlex.split(command or "")
    except ValueError:
        return None
    return next((Path(word) for word in words if word.endswith((".yaml", ".yml"))), None)


def git_revision(recipe: Path) -> str | None:
    """The commit of the recipe's folder; None outside git.

    It ends with `-dirty` where the folder's contents differ from the commit.
    """
    folder = recipe.resolve().parent
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return None
    # a recipe that git ignores is in no commit, and in no list of changes either
    clean = _git(folder, "status", "--porcelain", "--", ".") == "" and _git(folder, "ls-files", "--", recipe.name)
    return commit if clean else f"{commit}-dirty"


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints; None where it fails or is not installed."""
    git = shutil.which("git")
    if git is None:
        return None
    # inside a hook, git's own variables name another repository
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run([git, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None
