"""The blocks of export's README: recipes are recipes, commands run, and every verb is named."""

import re
import shlex

import pytest
import yaml
from pages import ROOT, blocks

from export.__main__ import _parser, main
from export.evaluation.quality import describe
from export.graphs.choose import table
from export.progress import INDENT
from export.recipe.recipe import Recipe
from export.verbs.verify import _said
from model_repository.measured import Interval, Latency, Quality, TriedCandidate

TEXT = (ROOT / "export/README.md").read_text(encoding="utf-8")
RECIPES = blocks("export/README.md", "yaml")
VERIFY, REPORT, REGISTRY = blocks("export/README.md", "sh")
CANDIDATES_SHOWN, GATE_SHOWN, VERIFY_SHOWN = blocks("export/README.md", "")
[IGNORED] = blocks("export/docs/checkpoints.md", "yaml")


def commands(block: str) -> list[list[str]]:
    lines = [shlex.split(line, comments=True) for line in block.splitlines()]
    return [line[3:] for line in lines if line[:3] == [".venv/bin/python", "-m", "export"]]


def tasks_of(line: str) -> list[str]:
    """The task that a line of the README is for: its comment says it."""
    return re.findall(r"#.*?\b(text-classification|token-classification|feature-extraction|zero-shot-classification)\b", line)


@pytest.mark.parametrize("block", [*RECIPES, IGNORED])
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
    promoted = False
    for arguments in commands(REGISTRY):
        if arguments[0] == "rollback" and not promoted:
            raise AssertionError("the README rolls back what it did not promote")
        promoted |= arguments[0] == "promote"
        arguments = [argument.replace("s3://bucket", (tmp_path / "bucket").as_uri()) for argument in arguments]
        where = [] if arguments[0] == "keygen" else ["--repository", str(topics.repository)]
        assert main([*arguments, *where]) == 0, (arguments, capsys.readouterr().err)


@pytest.mark.parametrize("arguments", [arguments for block in (VERIFY, REPORT, REGISTRY) for arguments in commands(block)], ids=" ".join)
def test_a_command_is_one(arguments):
    assert _parser(arguments).parse_args(arguments).handler


def test_every_verb_is_named():
    verbs = next(action for action in _parser([])._actions if action.dest == "verb").choices
    assert {verb for verb in verbs if not re.search(rf"python -m export {verb}\b", TEXT)} == set()


def numbers(text: str) -> list[float]:
    return [float(found) for found in re.findall(r"-?\d+\.\d+", text)]


def test_the_gate_shown_is_what_is_said_of_such_figures():
    packaged, reference, drop, low, high, bound = numbers(GATE_SHOWN)
    [examples] = re.findall(r"on (\d+) examples", GATE_SHOWN)
    [same] = re.findall(r"; (\d+) of", GATE_SHOWN)
    quality = Quality(
        metric="accuracy",
        data="r8-test.jsonl",
        data_digest="sha256:0",
        reference=reference,
        packaged=packaged,
        examples=int(examples),
        drop=drop,
        interval=Interval(low=low, high=high),
        agreement=int(same) / int(examples),
        max_drop=bound,
    )
    assert describe(quality, "int8") == GATE_SHOWN.strip()


def test_what_verify_is_shown_to_say_it_says(topics, capsys, monkeypatch):
    """Of its first line the digest differs; the second is of other figures."""
    command, data = commands(VERIFY)[0][:2], commands(VERIFY)[0][3]
    assert main([*command, "--repository", str(topics.repository)]) == 0
    said = capsys.readouterr().out.splitlines()[0]
    first, second = VERIFY_SHOWN.splitlines()
    assert re.sub(r"sha256:\w+", "", said) == re.sub(r"sha256:\w+…", "", first)
    measured, tolerance, reference, drop, bound = numbers(second)
    figures = [{"measured": measured, "examples": 2189, "reference": reference, "drop": drop, "bound": bound}]
    assert _said({"metric": "accuracy", "figures": figures, "tolerance": tolerance}, data) == second


def test_the_candidates_shown_are_a_table_of_them():
    title, header, *rows = CANDIDATES_SHOWN.splitlines()
    assert re.fullmatch(r" *\d+\.\d s  candidates    int8 is the fastest of \d that passes", title)
    read = [re.split(r" {2,}", row.strip()) for row in rows]
    shapes = [(int(batch), int(tokens)) for batch, tokens in re.findall(r"(\d+) x (\d+) tokens", header)]

    def tried(name, size, *rest):
        precision, _, optimization = name.partition(" ")
        *times, quality = rest[:3]
        return TriedCandidate(
            precision=precision,
            optimization=optimization or None,
            size_bytes=round(float(size.removesuffix(" MB")) * 1e6),
            quality=float(quality),
            latencies=tuple(
                Latency(batch=batch, tokens=tokens, ms=float(time.removesuffix(" ms")))
                for (batch, tokens), time in zip(shapes, times, strict=True)
            ),
            chosen=rest[3:] == ("chosen",),
        )

    shown = table([tried(*row) for row in read])
    assert [INDENT + line for line in shown] == [header, *rows]
