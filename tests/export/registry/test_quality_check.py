"""`verify --evaluation`: a packaged version is measured again, and held to its manifest."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from export.__main__ import main
from export.inputs import Inputs
from export.provenance import Provenance, recipe_of
from export.recipe.recipe import Recipe
from export.registry.model_folder import write_config
from export.registry.quality_check import TOLERANCE, Figure, Measured, quality_faults
from model_repository.manifest import FILE, Manifest
from model_repository.measured import Quality

Verify = Callable[..., int]


@pytest.fixture(scope="module")
def exported(
    evaluation: Path, write_recipe_to: Callable[..., Path], export_to: Callable[..., Manifest], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with a version in `repository`, and with its recipe and evaluation set in `recipes`.

    The set is the usual one under other names, with a slice.
    """
    folder = tmp_path_factory.mktemp("exported")
    (folder / "recipes").mkdir()
    rows = [json.loads(line) for line in evaluation.read_text().splitlines()]
    renamed = [{"body": row["text"], "weather": row["label"], "region": "north" if at % 3 else "south"} for at, row in enumerate(rows)]
    (folder / "recipes/set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in renamed))
    fields = {"data": "set.jsonl", "text": "body", "label": "weather", "slices": ["region"], "max_slice_drop": 0.2}
    recipe = write_recipe_to(folder / "recipes", precision="fp32", **{f"evaluation__{name}": value for name, value in fields.items()})
    # relative, as a command line has it: the copies of the folder are read from within
    made_by = Provenance.of(recipe, ["run", "recipes/recipe.yaml"])
    export_to(folder, Inputs.of(Recipe.read(recipe)), made_by=made_by)
    return folder


@pytest.fixture
def version(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The version's folder in a copy of all of it, which is the working directory."""
    monkeypatch.chdir(shutil.copytree(exported, tmp_path / "exported"))
    return Path.cwd() / "repository/weather/1"


@pytest.fixture
def data(version: Path) -> Path:
    """The evaluation set of the version."""
    return Path("recipes/set.jsonl")


@pytest.fixture
def verify(version: Path) -> Verify:
    def run(*options: object) -> int:
        return main(["verify", "weather/1", "--repository", str(version.parents[1]), *map(str, options)])

    return run


def rewrite(version: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Let the manifest's figures be others; no digest is over them."""
    fields = json.loads((version / FILE).read_text())
    change(fields["quality"])
    (version / FILE).write_text(Manifest.model_validate(fields).to_json())
    write_config(version.parent)


def test_a_version_is_measured_again_with_metric_columns_and_slices_of_its_manifest(
    verify: Verify, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify("--evaluation", data) == 0
    output = capsys.readouterr()
    assert output.out.splitlines()[1] == (
        f"accuracy is 1.0000 on 120 examples of {data}, the manifest's within 0.001, and so it is in 2 slices; "
        "of the fp32 reference's 1.0000 it loses 0.0000, at most 0.2000."
    )
    assert "120 examples with CPUExecutionProvider" in output.err, "progress is no answer"
    assert verify("--evaluation", data, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["faults"], found["quality"]["metric"], found["quality"]["tolerance"]) == ([], "accuracy", TOLERANCE)
    figures = [(figure["where"], figure["examples"], figure["measured"]) for figure in found["quality"]["figures"]]
    assert figures == [("", 120, 1.0), (" where region is south", 40, 1.0), (" where region is north", 80, 1.0)]


def test_without_a_set_it_says_where_it_lies(verify: Verify, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify() == 0
    assert capsys.readouterr().out.endswith(f"Its quality was not measured again; to do so, add --evaluation {data}.\n")
    data.unlink()
    assert verify() == 0
    assert capsys.readouterr().out.endswith("add --evaluation FILE (the recipe called it set.jsonl).\n")


def test_figures_that_are_not_the_manifests_are_named_with_their_slice(
    verify: Verify, version: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite(version, lambda quality: (quality.update(packaged=0.9), quality["slices"][0].update(packaged=0.5)))
    assert verify("--evaluation", data) == 1
    every, part = [line for line in capsys.readouterr().err.splitlines() if line.startswith("export: ")]
    assert every == "export: accuracy is 1.0000 on 120 examples, and the manifest says 0.9000: that is more than 0.001 apart"
    assert part.startswith("export: accuracy is 1.0000 on 40 examples where region is south, and the manifest says 0.5000")
    assert verify("--evaluation", data, "--tolerance", "0.6") == 0


def test_another_set_is_refused_unless_any_will_do(verify: Verify, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "set.parquet")
    assert verify("--evaluation", tmp_path / "set.parquet") == 1
    assert "give that one, or measure on this one with --any-data" in capsys.readouterr().err
    assert verify("--evaluation", tmp_path / "set.parquet", "--any-data") == 0
    for row in rows[:30]:
        row["weather"] = "cold" if row["weather"] != "cold" else "mild"
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "set.parquet")
    capsys.readouterr()
    assert verify("--evaluation", tmp_path / "set.parquet", "--any-data") == 1
    error = capsys.readouterr().err
    assert "accuracy is 0.7500 on 120 examples, and the manifest says 1.0000" in error
    assert "of the fp32 reference's 1.0000 it loses 0.2500, and at most 0.2000 is allowed" in error


def test_columns_that_a_manifest_does_not_name_are_given(
    verify: Verify, version: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite(version, lambda quality: quality.pop("columns"))
    assert verify("--evaluation", data) == 2
    error = capsys.readouterr().err
    assert "has no field 'label'; its fields are body, weather, region (--column ROLE=NAME says which column holds what)" in error
    assert verify("--evaluation", data, "--column", "text=body", "--column", "label=weather") == 0


def test_a_changed_version_is_not_measured(verify: Verify, version: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (version / "model.onnx").write_bytes(b"another")
    assert verify("--evaluation", data) == 1
    changed, skipped = capsys.readouterr().err.splitlines()
    assert "a file was changed" in changed
    assert skipped.startswith("export: the quality gate was not repeated")


@pytest.mark.parametrize(
    ("options", "code", "reason"),
    [
        (["--any-data"], 2, "--any-data, --column and --tolerance are about the evaluation set; give it with --evaluation FILE"),
        (["--evaluation", "none.csv"], 2, "--evaluation: none.csv cannot be read: No such file"),
        (["--evaluation", "set.csv"], 1, "the manifest of weather/1 holds no figures of its quality"),
    ],
)
def test_what_cannot_be_measured_is_said(
    registry: Any, options: list[str], code: int, reason: str, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    if code == 2 and "--evaluation" in options:
        figures = {"metric": "accuracy", "reference": 1, "packaged": 1, "examples": 1, "data": "d", "data_digest": "", "max_drop": 0}
        registry.add(1, quality=Quality.model_validate(figures))
    assert registry("verify", "weather/1", *options) == code
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--column=text", "--column==body", "--tolerance=-1", "--tolerance=nan", "--tolerance=little"])
def test_an_option_that_is_none_is_a_wrong_command_line(registry: Any, option: str) -> None:
    with pytest.raises(SystemExit) as caught:
        registry("verify", "weather/1", "--evaluation", "set.csv", option)
    assert caught.value.code == 2


def figures(measured: float, manifest: float = 0.9, drop: float = 0.0, bound: float | None = 0.01) -> Measured:
    return Measured("rmse", "CPUExecutionProvider", (Figure("", 10, 0.9, manifest, measured, drop, bound),))


@pytest.mark.parametrize(
    ("found", "faults"),
    [
        (figures(0.9), 0),
        (figures(0.9009), 0),
        (figures(0.902), 1),
        (figures(float("nan")), 1),
        (figures(250.2, manifest=250.0), 0),  # of figures above 1 the tolerance is a share
        (figures(251.0, manifest=250.0), 1),
        (figures(0.9, drop=0.02), 1),
        (figures(0.9, drop=0.02, bound=None), 0),
    ],
)
def test_what_counts_as_the_manifests_figure(found: Measured, faults: int) -> None:
    assert len(list(quality_faults(found, TOLERANCE))) == faults


@pytest.mark.parametrize(
    ("command", "recipe"),
    [
        ("python -m export run 'my recipes/a.yaml' --force", "my recipes/a.yaml"),
        ("python -m export run a", None),
        (None, None),
        ("'", None),
    ],
)
def test_the_recipe_stands_in_the_command_line(command: str | None, recipe: str | None) -> None:
    assert recipe_of(command) == (recipe and Path(recipe))
