import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from packaged_registry import Registry

from export.__main__ import main
from export.inputs import Inputs
from model_repository import config
from model_repository.manifest import Manifest, read_versions
from model_repository.signature import PrivateKey, check_served

Write = Callable[..., Path]
ROOT = Path(__file__).parents[3]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return tmp_path / "repository"


@pytest.fixture
def command(repository: Path, tmp_path: Path) -> Callable[..., int]:
    def run(recipe: Path, *options: str) -> int:
        return main(["run", str(recipe), "--repository", str(repository), "--work", str(tmp_path / "work"), *options])

    return run


def test_a_lost_gate_names_number_and_bound_and_leaves_the_repository_untouched(
    write_recipe: Write, fragile: Path, command: Callable[..., int], repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(write_recipe(checkpoint=str(fragile), evaluation__max_drop=0.005, sensitivity=False)) == 1
    error = capsys.readouterr().err
    found = re.fullmatch(
        r"export: accuracy of int8 (0\.\d{4}) is (0\.\d{4}) \(95% interval 0\.\d{4} to 0\.\d{4}\) below the fp32 reference ([01]\.\d{4}) "
        r"on 120 examples; at most 0\.0050 is allowed at the interval's upper end \(evaluation\.max_drop\)\n",
        error,
    )
    assert found, error
    packaged, drop, reference = map(float, found.groups())
    assert drop == pytest.approx(reference - packaged, abs=2e-4)
    assert drop > 0.005
    assert not repository.exists()


def test_a_recipe_that_cannot_be_used_is_one_sentence_and_exit_code_2(
    write_recipe: Write, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(precision="int3")
    assert command(recipe) == 2
    output = capsys.readouterr()
    assert output.err == f"export: {recipe}: precision: 'int3' is not possible; choose one of 'int8', 'fp16', 'fp32' or 'auto'\n"
    assert output.out == ""


def test_a_file_that_the_recipe_names_in_vain_is_named_with_recipe_and_field(
    write_recipe: Write, command: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    recipe = write_recipe(checkpoint="nowhere")
    assert command(recipe) == 2
    assert capsys.readouterr().err.startswith(f"export: {recipe}: checkpoint: there is no folder {tmp_path / 'nowhere'}; give a folder")


@pytest.mark.parametrize("arguments", [[], ["run"], ["fly", "recipe.yaml"], ["run", "recipe.yaml", "--unknown"]])
def test_a_wrong_command_line_is_exit_code_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_where_no_triton_runs_the_version_is_packaged_and_says_what_was_not_checked(export_once: Callable[..., Any]) -> None:
    exported = export_once(precision="fp32")
    assert re.search(r"triton +NOT RUN, so nobody has seen this version answer through Triton: No Triton here", exported.printed)
    assert read_versions(exported.folder.parent) == {1: exported.manifest}


def test_a_csv_set_with_slices_is_measured_and_every_number_stands_in_manifest_and_report(
    inputs: Callable[..., Inputs],
    evaluation: Path,
    export_to: Callable[..., Manifest],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [json.loads(line) for line in evaluation.read_text().splitlines()]
    lines = [f"{row['text']},{row['label']},{'short' if row['text'].count(' ') < 10 else 'long'}" for row in rows]
    (tmp_path / "set.csv").write_text("\n".join(["body,weather,length", *lines]))
    fields = {"data": "set.csv", "text": "body", "label": "weather", "metric": "macro-f1", "min_agreement": 0.5}
    found = inputs(**{f"evaluation__{name}": value for name, value in fields.items()}, evaluation__slices=["length"])

    quality = export_to(tmp_path, found).quality
    assert quality
    assert quality.interval
    assert (quality.metric, quality.reference, quality.examples, quality.min_agreement) == ("macro-f1", 1.0, 120, 0.5)
    assert quality.interval.low <= quality.drop == 1.0 - quality.packaged <= quality.interval.high
    assert {(part.column, part.value) for part in quality.slices} == {("length", "short"), ("length", "long")}
    assert sum(part.examples for part in quality.slices) == 120
    assert sum(part.examples * (part.agreement or 0) for part in quality.slices) == pytest.approx(120 * (quality.agreement or 0))
    worst = max(quality.slices, key=lambda part: part.drop)
    report = capsys.readouterr().out
    assert f"int8 loses {quality.drop:.4f} (95% interval {quality.interval.low:.4f} to {quality.interval.high:.4f}), at most 0.2" in report
    assert (
        f"{round((quality.agreement or 0) * 120)} of 120 answers are the reference's; "
        f"worst slice length = {worst.value}: loses {worst.drop:.4f}" in report
    )


def test_a_slice_that_int8_ruins_is_refused(
    write_recipe: Write, fragile: Path, evaluation: Path, command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [json.loads(line) for line in evaluation.read_text().splitlines()]
    (tmp_path / "set.jsonl").write_text("".join(json.dumps({**row, "kind": row["label"]}) + "\n" for row in rows))
    recipe = write_recipe(
        checkpoint=str(fragile),
        evaluation__data="set.jsonl",
        evaluation__max_drop=1,
        evaluation__slices=["kind"],
        evaluation__max_slice_drop=0.1,
        sensitivity=False,
    )
    assert command(recipe) == 1
    error = capsys.readouterr().err
    assert re.match(
        r"export: accuracy of int8 0\.\d{4} is 0\.\d{4} \(.*\) below the fp32 reference .* examples where kind is \w+; ", error
    ), error
    assert error.endswith("(evaluation.max_slice_drop)\n")
    assert "evaluation.max_drop" not in error


@pytest.mark.integration
def test_a_version_for_gpus_is_packaged_in_half_precision(write_recipe: Write, command: Callable[..., int], repository: Path) -> None:
    assert command(write_recipe(target="gpu", precision=None)) == 0
    assert read_versions(repository / "weather")[1].precision == "fp16"
    settings = config.read(repository / "weather/config.pbtxt")
    assert settings.parameters["execution_provider"].string_value == "CUDAExecutionProvider"


@pytest.mark.integration
def test_the_path_from_an_adapter_to_a_version_that_answers_through_triton(
    write_recipe: Write,
    encoder: Path,
    adapted: tuple[Path, Any],
    evaluation: Path,
    command: Callable[..., int],
    repository: Path,
    tmp_path: Path,
) -> None:
    rows = [json.loads(line) for line in evaluation.read_text().splitlines()]
    model, names = adapted[1], ("cold", "mild", "warm")

    def run(recipe: Path, *options: str) -> subprocess.CompletedProcess[str]:
        # as a user would: from the root, where folders have the names of our programs
        script = "import sys; from export.__main__ import main; code = main(); print('torch' in sys.modules); sys.exit(code)"
        arguments = ["run", str(recipe), "--repository", str(repository), "--work", str(tmp_path / "work"), *options]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_", "TOKENIZERS_"))}
        environment["OMP_NUM_THREADS"] = "1"  # of this model several threads compute no faster
        return subprocess.run(
            [sys.executable, "-c", script, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    # the set is another model's: this one answers it by chance
    fields = {"checkpoint": str(encoder), "adapter": str(adapted[0]), "evaluation__allow_weak_reference": True}
    recipe = write_recipe(**fields)
    first = run(recipe)
    assert (first.returncode, first.stderr) == (0, "")
    steps = re.findall(r"^ +\d+\.\d s  (\w+)", first.stdout, flags=re.MULTILINE)
    assert steps[:9] == ["inputs", "start", "load", "reference", "onnx", "company", "quantize", "check", "gate"]
    assert steps[9:] == ["moved", "measure", "latency", "triton", "report", "package"]
    assert "answers as the graph does: 16 texts" in first.stdout
    manifest = read_versions(repository / "weather")[1]
    assert (manifest.labels, manifest.precision, manifest.max_length) == (names, "int8-dynamic", 24)
    assert manifest.quality
    assert manifest.quality.examples == len(rows)
    assert manifest.quality.reference == pytest.approx(accuracy(model, encoder, rows, names))
    assert manifest.speed
    assert manifest.speed.packaged_texts_per_s > 0
    assert manifest.source.command == f"python -m export run {recipe} --repository {repository} --work {tmp_path / 'work'}"
    assert manifest.source.recipe_revision is None, "the recipe lies outside git"

    stamps = {path: path.stat().st_mtime_ns for path in repository.rglob("*")}
    again = run(recipe)
    assert again.returncode == 0
    assert again.stdout.endswith("made from the same inputs: nothing to do.\nFalse\n")
    assert {path: path.stat().st_mtime_ns for path in repository.rglob("*")} == stamps

    key = PrivateKey.generate()
    key.write(tmp_path / "key")
    signed = run(recipe, "--sign-key", str(tmp_path / "key"))
    assert signed.stdout.splitlines()[-2:] == [f"weather version 1 is signed (public key {key.public}).", "False"]
    check_served(config.read(repository / "weather/config.pbtxt"), 1, key.public)
    stamps = {path: path.stat().st_mtime_ns for path in repository.rglob("*")}
    assert "is signed" not in run(recipe, "--sign-key", str(tmp_path / "key")).stdout, "it is signed already"
    assert {path: path.stat().st_mtime_ns for path in repository.rglob("*")} == stamps

    other = write_recipe(**fields, precision="fp32")
    refused = run(other)
    assert (refused.returncode, refused.stdout.splitlines()[-1]) == (1, "False")
    assert refused.stderr.startswith("export: weather version 1 is in ")
    assert "replace the old one with --force" in refused.stderr
    assert {path: path.stat().st_mtime_ns for path in repository.rglob("*")} == stamps

    assert command(other, "--force") == 0
    assert read_versions(repository / "weather")[1].precision == "fp32"


def test_nobody_judged_is_no_way_into_the_place_of_the_default(
    write_recipe: Write, command: Callable[..., int], repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judged = Registry(repository, b"graph", b"{}")
    judged.add(1)
    before = judged.files()
    assert command(write_recipe(), "--force", "--no-evaluation") == 1
    assert command(write_recipe(evaluation="none"), "--force") == 1
    printed = capsys.readouterr()
    assert printed.err.count("weather/1 answers by default, and nobody judges what would replace it, for there is no evaluation set") == 2
    assert "load" not in printed.out, "it is refused before the long work"
    assert judged.files() == before


def accuracy(model: Any, checkpoint: Path, rows: list[dict[str, str]], names: tuple[str, ...]) -> float:
    from transformers import BertTokenizerFast

    tokenizer = BertTokenizerFast.from_pretrained(checkpoint)
    right = 0
    with torch.inference_mode():
        for row in rows:
            ids = tokenizer(row["text"], truncation=True, max_length=24, padding=False, return_tensors="pt")
            right += names[model(**ids).logits.argmax()] == row["label"]
    return right / len(rows)


def test_adapters_of_one_checkpoint_become_versions(
    write_recipe: Write, encoder: Path, new_adapter: Callable[..., Any], command: Callable[..., int], tmp_path: Path
) -> None:
    for seed in (3, 4):
        new_adapter(tmp_path / f"adapter{seed}", seed=seed)
    recipe = write_recipe(
        checkpoint=str(encoder),
        version=None,
        adapters={7: "adapter3", 8: "adapter4"},
        evaluation__max_drop=1.0,
        sensitivity=False,
        evaluation__allow_weak_reference=True,
    )
    assert command(recipe) == 0
    versions = read_versions(tmp_path / "repository/weather")
    assert {version: manifest.source.adapter for version, manifest in versions.items()} == {7: "adapter3", 8: "adapter4"}
    assert versions[7].digest != versions[8].digest
    assert versions[7].source.checkpoint_digest == versions[8].source.checkpoint_digest


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"adapters": {1: "a"}}, "adapters says version and adapter of each already; remove the field version"),
        ({"adapters": ["a"], "version": None}, "adapters: write {version: adapter, …}"),
        ({"adapters": {"one": "a"}, "version": None}, "version: input should be a valid integer"),
    ],
)
def test_adapters_that_cannot_be_read_are_named(
    write_recipe: Write, command: Callable[..., int], fields: dict[str, Any], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(write_recipe(**fields)) == 2
    assert reason in capsys.readouterr().err
