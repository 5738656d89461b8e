"""The git revision of a recipe, and the command line."""

import os
import subprocess

import pytest

from export.provenance import Provenance, git_revision


def git(folder, *arguments):
    identity = ["-c", "user.name=someone", "-c", "user.email=someone@example.com"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "project/recipes/recipe.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("model: weather")
    return path


@pytest.fixture
def commit(recipe):
    project = recipe.parents[1]
    (project / ".gitignore").write_text("ignored.yaml\n")
    git(project, "init", "--quiet")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "Add a recipe")
    return git(project, "rev-parse", "HEAD")


def test_a_recipe_outside_git_has_no_revision(recipe):
    assert git_revision(recipe) is None


def test_a_recipe_before_the_first_commit_has_no_revision(recipe):
    git(recipe.parent, "init", "--quiet")
    assert git_revision(recipe) is None


def test_a_committed_recipe_has_its_commit(recipe, commit):
    assert git_revision(recipe) == commit
    (recipe.parents[1] / "elsewhere").touch()
    assert git_revision(recipe) == commit, "only the recipe's folder counts"


def test_a_changed_folder_is_dirty(recipe, commit):
    (recipe.parent / "data.jsonl").touch()
    assert git_revision(recipe) == f"{commit}-dirty"


def test_a_changed_recipe_is_dirty(recipe, commit):
    recipe.write_text("model: news")
    assert git_revision(recipe) == f"{commit}-dirty"


def test_a_recipe_that_git_ignores_is_in_no_commit(recipe, commit):
    ignored = recipe.with_name("ignored.yaml")
    ignored.touch()
    assert git_revision(ignored) == f"{commit}-dirty"


def test_git_in_a_hook_names_another_repository_and_is_not_followed(recipe, commit, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert git_revision(recipe) == commit


def test_the_command_is_quoted_for_a_shell(recipe):
    made_by = Provenance.of(recipe, ["run", "my recipe.yaml"])
    assert made_by == Provenance(None, "python -m export run 'my recipe.yaml'")
