"""The blocks of export's README: recipes are recipes, commands run, and every verb is named."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from export.__main__ import _parser, main
from export.recipe.recipe import Recipe

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "export/README.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[list[str]]:
    lines = [shlex.split(line, comments=True) for line in block.splitlines()]
    return [line[3:] for line in lines if line[:3] == ["python", "-m", "export"]]


def tasks_of(line: str) -> list[str]:
    """The task that a line of the README is for: its comment says it."""
    return re.findall(r"#.*?\b(text-classification|token-classification|feature-extraction|zero-shot-classification)\b", line)


@pytest.mark.parametrize("block", blocks("yaml"))
def test_fields_of_a_recipe_are_those_of_recipes(block, write_recipe):
    """A block is one recipe's fields, or a line of fields for each of several recipes."""
    lines = [line for line in block.splitlines() if re.match(r"\w+:", line)]
    alternatives = len({line.partition(":")[0] for line in lines}) < len(lines)
    for part in lines if alternatives else [block]:
        fields = {"task": (tasks_of(part) or ["text-classification"])[0], **yaml.safe_load(part)}
        Recipe.read(write_recipe(**fields))


@pytest.fixture
def topics(registry, monkeypatch, tmp_path):
    """The README's model in a repository, in a working directory of its own."""
    for version in (1, 2):
        registry.add(version, model="topics")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway/demo").mkdir(parents=True)
    (tmp_path / "gateway/demo/experiments.yaml").write_text((ROOT / "gateway/demo/experiments.yaml").read_text())
    return registry


def test_the_block_on_the_registry_runs_line_by_line(topics, tmp_path, capsys):
    [block] = [block for block in blocks("sh") if "promote" in block]
    promoted = False
    for arguments in commands(block):
        if arguments[0] == "rollback" and not promoted:
            raise AssertionError("the README rolls back what it did not promote")
        promoted |= arguments[0] == "promote"
        arguments = [argument.replace("s3://bucket", (tmp_path / "bucket").as_uri()) for argument in arguments]
        where = [] if arguments[0] == "keygen" else ["--repository", str(topics.repository)]
        assert main([*arguments, *where]) == 0, (arguments, capsys.readouterr().err)


@pytest.mark.parametrize("arguments", [arguments for block in blocks("sh") for arguments in commands(block)], ids=" ".join)
def test_a_command_is_one(arguments):
    assert _parser(arguments).parse_args(arguments).handler


def test_every_verb_is_named():
    verbs = next(action for action in _parser([])._actions if action.dest == "verb").choices
    assert {verb for verb in verbs if not re.search(rf"python -m export {verb}\b", TEXT)} == set()
