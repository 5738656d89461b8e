"""The report of an export.

Its numbers are the manifest's, it needs nothing else, and no data in it is taken for markup.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from headrace_backend.items import Window

from export.__main__ import main
from export.checkpoints.tokenization import Encoded
from export.data.dataset import Dataset
from export.data.table import read_table
from export.graphs.company import Moved
from export.graphs.latency_grid import GridPoint, measure_grid, shapes
from export.inputs import Inputs
from export.progress import FinishedStep, Progress
from export.report import FILES, HTML, MARKDOWN
from export.report.axis import counts_axis, linear_axis, log_axis, log_axis_of
from export.report.contents import Report, ThroughTriton
from export.report.differences import AnswerDifferences, Differing, compare_answers
from export.report.formats import percent
from export.report.render import render_html, render_markdown
from export.report.verdict import cautions, remarks, verdict
from model_repository.manifest import Manifest, answer_digest
from model_repository.measured import Interval, LayerSensitivity, Quality, Sensitivity, SensitivityPoint, SliceQuality, TriedCandidate

Read = Callable[..., Inputs]


def parsed(page: str) -> ElementTree.Element:
    """A page that is well-formed: all elements are closed, every `<` and `&` of data is escaped."""
    return ElementTree.fromstring(page.strip().removeprefix("<!doctype html>"))  # noqa: S314 - our own page


def words(element: ElementTree.Element) -> str:
    return " ".join(" ".join(element.itertext()).split())


def unescaped(markdown: str) -> str:
    return re.sub(r"\\(.)", r"\1", markdown)


@pytest.fixture
def packaged(inputs: Read, export_to: Callable[..., Manifest], tmp_path: Path) -> Callable[..., tuple[Manifest, Path]]:
    """Export a recipe without Triton; gives the manifest and the version's folder."""

    def make(**fields: Any) -> tuple[Manifest, Path]:
        progress = Progress()
        progress.finished.append(FinishedStep("of an earlier export", 1.0, "", None))
        manifest = export_to(tmp_path, inputs(**fields), progress)
        return manifest, tmp_path / "repository" / manifest.model / str(manifest.version)

    return make


def test_an_exported_version_has_a_report_with_the_numbers_of_its_manifest(packaged: Any, evaluation: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in evaluation.read_text().splitlines()]
    sliced = [{**row, "length": "short" if row["text"].count(" ") < 10 else "long"} for row in rows]
    (tmp_path / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in sliced))
    manifest, folder = packaged(evaluation__data="set.jsonl", evaluation__slices=["length"], evaluation__max_slice_drop=0.9)
    page, markdown = parsed((folder / HTML).read_text()), unescaped((folder / MARKDOWN).read_text())
    numbers = [manifest.digest, manifest.source.checkpoint_digest, manifest.source.inputs_digest, manifest.quality.data_digest]
    for part in (manifest.quality, *manifest.quality.slices):
        numbers += [f"{value:.4f}" for value in (part.reference, part.packaged, part.drop, part.interval.low, part.interval.high)]
    numbers += ["length = short", "length = long", f"{manifest.speed.packaged_texts_per_s:,.1f} texts/s"]
    numbers += [f"{name} {version}" for name, version in manifest.tools.items()]
    numbers += ["quantize", "gate", "latency", "triton", "Nobody has seen this version answer through Triton: No Triton here"]
    for shown in (words(page), markdown):
        assert [number for number in numbers if number not in shown] == []
        assert "of an earlier export" not in shown
        assert len([row for row in rows if len(row["text"]) > 40 and row["text"] in shown]) <= 5, "only examples that differ"
    assert verdict_of(page).endswith("Not run: Triton.")
    titles = {element.get("aria-label") for element in page.iter("svg")}
    assert titles == {"accuracy lost", "packaged score minus the reference's", "Latency against length and batch"}


def verdict_of(page: ElementTree.Element) -> str:
    [found] = [words(element) for element in page.iter("p") if element.get("class") == "verdict"]
    return found


def test_the_report_is_no_part_of_the_digest_and_is_found_by_its_verb(
    export_once: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported = export_once()
    manifest, folder = exported.manifest, shutil.copytree(exported.repository, tmp_path / "repository") / "weather" / "1"
    assert answer_digest(folder / "model.onnx", folder / "tokenizer.json", manifest) == manifest.digest
    repository = ["--repository", str(tmp_path / "repository")]
    assert main(["report", "weather/1", *repository]) == 0
    assert main(["report", "weather/1", "--markdown", *repository]) == 0
    assert capsys.readouterr().out.split() == [str(folder / name) for name in FILES]
    assert main(["verify", "weather/1", *repository]) == 0
    (folder / HTML).unlink()
    assert main(["report", "weather/1", *repository]) == 1
    assert "weather/1 has no report: it was exported without one" in capsys.readouterr().err


def test_all_candidates_and_both_plots_of_them_are_shown(export_once: Any) -> None:
    exported = export_once(precision="auto")
    page = parsed((exported.folder / HTML).read_text())
    for row in exported.manifest.candidates:
        assert f"{row.size_bytes / 1e6:.3g} MB" in words(page)
    assert {"Quality against size", "Quality against latency"} <= {element.get("aria-label") for element in page.iter("svg")}
    [strong] = [element for element in page.iter("tr") if element.get("class") == "strong"]
    assert "chosen" in words(strong)


def test_answers_that_are_json_are_compared_without_scores(packaged: Any, classifier: Path, tiny: Any, tmp_path: Path) -> None:
    import transformers

    folder = tmp_path / "tagger"
    names = {"id2label": {0: "O", 1: "B-PORT"}, "label2id": {"O": 0, "B-PORT": 1}}
    tiny(transformers.BertForTokenClassification, **names).save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(classifier).save_pretrained(folder)
    rows = [{"text": "alna bero", "entities": [{"label": "PORT", "start": 0, "end": 4}]}, {"text": "cota", "entities": []}]
    (tmp_path / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    fields = {"data": "set.jsonl", "metric": None, "max_drop": 1.0, "allow_weak_reference": True}
    settings = {"checkpoint": str(folder), "task": "token-classification", "precision": "fp32"}
    _, version = packaged(**settings, **{f"evaluation__{name}": value for name, value in fields.items()})
    shown = words(parsed((version / HTML).read_text()))
    assert "0 of 2 examples are answered otherwise than by the reference." in shown
    assert "2 examples are too few to tell" in shown
    assert "largest differences" not in shown


QUALITY = Quality(
    metric="accuracy",
    data="set.jsonl",
    data_digest="sha256:1",
    max_drop=0.01,
    max_slice_drop=0.05,
    slices=(SliceQuality(column="length", value="long", reference=0.9, packaged=0.88, examples=60, interval=Interval(low=0.0, high=0.04)),),
    reference=0.95,
    packaged=0.948,
    examples=2000,
    interval=Interval(low=-0.001, high=0.0045),
    agreement=0.9999,
)
ANSWERS = AnswerDifferences(
    2000,
    2,
    (Differing("line 7", "a text", "cold", "cold 0.61", "mild 0.52"), Differing("line 9", "another", "warm", "mild 0.5", "warm 0.5")),
    None,
)


@pytest.fixture
def report(registry: Any) -> Report:
    """A report of a version that was not exported just now."""
    manifest = registry.add(1, quality=QUALITY)
    return Report(
        manifest=manifest,
        steps=[FinishedStep("load", 1.25, "a model", None), FinishedStep("onnx", 2.0, "", 91_000_000)],
        triton=ThroughTriton(16, "CPUExecutionProvider", difference=1e-6),
        answers=ANSWERS,
        latencies=[],
        machine="a machine",
        made_at="2030-01-01T00:00:00+00:00",
    )


def test_the_verdict_names_the_margin_and_what_was_not_run(report: Report) -> None:
    assert verdict(report) == (
        "Passed: on 2,000 examples accuracy goes from 0.9500 to 0.9480. "
        "With 95% confidence no more than 0.0045 is lost, and the recipe allows a loss of 0.0100."
    )
    few = QUALITY.model_copy(update={"examples": 40, "packaged": 0.95, "drop": 0.0})
    gpu = report.manifest.model_copy(update={"target": "gpu", "quality": few, "measured_provider": "CPUExecutionProvider"})
    assert verdict(replace(report, manifest=gpu)) == (
        "Passed, though on few examples: on 40 examples accuracy stays 0.9500, and the recipe allows a loss of 0.0100. "
        "There are too few to tell how much chance is in that. "
        "Not run: CUDAExecutionProvider in Triton; measuring on a GPU."
    )


def test_what_speaks_against_the_figures_is_said(report: Report) -> None:
    assert cautions(report) == ["Too few examples to tell in length = long: there the drop itself was held to the bound."]
    triton = ThroughTriton(16, "CPUExecutionProvider", unavailable="There is none.")
    source = report.manifest.source.model_copy(update={"recipe_revision": "abc-dirty"})
    manifest = report.manifest.model_copy(update={"quality": None, "source": source})
    assert cautions(replace(report, manifest=manifest, triton=triton)) == [
        "Nobody has seen this version answer through Triton: There is none.",
    ]
    assert remarks(manifest) == ["The recipe's folder held changes that are not in the git commit named here."]
    page = parsed(render_html(replace(report, manifest=manifest)))
    assert remarks(manifest)[0] in words(page)
    assert [words(one) for one in page.iter("div") if one.get("class") == "caution"] == []


HOSTILE = '<script>alert("1")</script>|`[x](http://example.org/)`\n# *&amp;*'


def hostile(report: Report) -> Report:
    """Every text that comes from a recipe, a model or a data set is hostile."""
    slices = (SliceQuality(column=HOSTILE, value=HOSTILE, reference=0.9, packaged=0.8, examples=60),)
    layers = (LayerSensitivity(layer=HOSTILE, nodes=1, mean_score_difference=0.1),)
    points = [SensitivityPoint(layers_kept=kept, nodes_kept=kept, quality=0.9, passes=True, size_bytes=10 + kept) for kept in (0, 1)]
    tried = [TriedCandidate(precision="fp32", size_bytes=size, quality=0.9, failure=HOSTILE) for size in (1, 2)]
    source = report.manifest.source.model_copy(
        update=dict.fromkeys(("checkpoint", "adapter", "revision", "command", "recipe_revision"), HOSTILE)
    )
    manifest = report.manifest.model_copy(
        update={
            "quality": QUALITY.model_copy(update={"slices": slices, "data": HOSTILE, "metric": HOSTILE}),
            "labels": (HOSTILE, "x"),
            "source": source,
            "candidates": tuple(tried),
            "sensitivity": Sensitivity(texts=8, layers=layers, curve=tuple(points), layers_kept=1),
            "tools": {HOSTILE: HOSTILE},
        }
    )
    triton = ThroughTriton(1, "CPUExecutionProvider", unavailable=HOSTILE)
    answers = AnswerDifferences(2, 1, (Differing(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE),), None)
    return replace(report, manifest=manifest, triton=triton, answers=answers, machine=HOSTILE, steps=[FinishedStep(HOSTILE, 1, HOSTILE, 1)])


def test_how_far_answers_move_in_company_is_told_and_why(report: Report) -> None:
    moved = Moved(0.0123, 0.31, 2, 112, "a number")
    told = "In company answers moved by 0.012 on average and 0.31 at most (a number), to another answer for 2 of 112."
    assert told in render_markdown(replace(report, moved=moved))
    dynamic = replace(report, moved=moved, manifest=report.manifest.model_copy(update={"precision": "int8-dynamic"}))
    for page in (render_markdown(dynamic), render_html(dynamic)):
        assert "Dynamic int8 takes the range of activations from the whole batch, so an answer depends on the texts that" in page
    assert "In company" not in render_markdown(report)


def test_hostile_names_are_shown_as_they_are(report: Report) -> None:
    page = parsed(render_html(hostile(report)))
    assert not list(page.iter("script"))
    assert words(page).count(" ".join(HOSTILE.split())) > 12
    markdown = render_markdown(hostile(report))
    assert not re.search(r"(?<!\\)[<>`&]", markdown)
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in markdown.splitlines() if line.startswith("|")} <= {3, 4, 5, 6, 7, 10}
    assert [
        line
        for line in markdown.splitlines()
        if re.match(r"#+ (?!(weather version 1|What|Quality|Answers|How|Candidates|Layers|Steps))", line)
    ] == []


def test_a_page_loads_nothing_and_runs_nothing(report: Report) -> None:
    page = parsed(render_html(replace(report, latencies=[GridPoint(1, 9, 2.0, 3.0), GridPoint(4, 9, 8.0, None)])))
    assert {element.tag for element in page.iter()}.isdisjoint({"script", "link", "img", "iframe", "object", "image", "use"})
    attributes = [(name, value) for element in page.iter() for name, value in element.items()]
    assert [value for name, value in attributes if name in ("src", "href", "action") or name.startswith("on")] == []
    assert "url(" not in words(page)
    assert "@import" not in words(page)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in attributes


def test_html_and_markdown_have_the_same_cells(report: Report) -> None:
    cells = [words(cell) for cell in parsed(render_html(report)).iter("td")]
    rows = [line for line in render_markdown(report).splitlines() if line.startswith("|")]
    written = [unescaped(cell).strip() for row in rows for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
    assert [cell for cell in cells if cell not in written] == []
    assert "91.0 MB" in cells
    assert "3.2 s" in cells


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Four examples, after an empty line."""
    path = tmp_path / "some.jsonl"
    path.write_text("\n" + "".join(json.dumps({"text": f"t{at}"}) + "\n" for at in range(4)))
    found = Dataset("some.jsonl", read_table(path), {}, {}, "sha256:0")
    found.column("text")
    return found


def test_differences_of_scores_are_counted_and_the_largest_are_named_by_line(dataset: Dataset) -> None:
    reference = np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8], [0.0, 1.0]], dtype=np.float32)
    packaged = reference + np.array([[0.0, 0.0], [-0.5, 0.3], [0.1, -0.05], [0.0, 0.0]], dtype=np.float32)
    found = compare_answers(dataset, reference, packaged, np.array([True, False, True, True]), embeddings=False)
    assert (found.examples, found.differing) == (4, 1)
    assert found.first == (Differing("line 3", "t1", "–", "0.9, 0.1", "0.4, 0.4"),)
    assert found.scores
    assert sum(found.scores.counts) == 8
    assert (found.scores.counts[0], found.scores.counts[len(found.scores.counts) // 2], found.scores.counts[-1]) == (1, 4, 0)
    assert [(place, round(value, 6)) for place, value in found.scores.largest] == [("line 3", -0.5), ("line 4", 0.1)]
    assert found.scores.mean_absolute == pytest.approx(0.95 / 8)


def test_embeddings_are_compared_by_their_angle(dataset: Dataset) -> None:
    reference = np.eye(8, dtype=np.float32)
    packaged = reference.copy()
    packaged[2] = 3 * packaged[5]
    found = compare_answers(dataset, reference, 2 * packaged, np.array([True, False, True, True]), embeddings=True)
    assert found.scores
    assert found.scores.largest == (("text 3", 1.0),)
    assert sum(found.scores.counts) == 8


def test_json_answers_have_no_scores(dataset: Dataset) -> None:
    found = compare_answers(dataset, [[], [], [], []], [[], [], [{}], []], np.array([True, True, False, True]), embeddings=False)
    assert found == AnswerDifferences(4, 1, (Differing("line 4", "t2", "–", "[]", "[{}]"),), None)


def test_latency_shapes_are_the_sets_lengths_in_batches_without_padding() -> None:
    encoded = Encoded([Window(np.ones(n, dtype=np.int64)) for n in range(1, 22)], pad_id=0)
    found = shapes(encoded)
    assert set(found) == {(batch, tokens) for batch in (1, 4, 8) for tokens in (3, 11, 19)}
    assert all(inputs["attention_mask"].shape == shape and inputs["attention_mask"].all() for shape, inputs in found.items())
    assert next(iter(found)) == (1, 3)
    assert list(found)[-1] == (8, 19)


def test_latencies_are_measured_within_their_time_and_what_is_too_long_is_left_out() -> None:
    now = [0.0]

    def run(inputs: Any) -> list[Any]:
        now[0] += inputs["input_ids"].size * 0.01
        return []

    batches = {(1, n): {"input_ids": np.zeros((1, n))} for n in (1, 10, 100, 1000)}
    found = measure_grid([run, run], batches, seconds=4.0, clock=lambda: now[0])
    assert found == {(1, n): [10.0 * n, 10.0 * n] for n in (1, 10, 100)}
    assert now[0] < 4.0 + 0.02


@pytest.mark.parametrize("ends", [(0.0, 1.0), (-0.0046, 0.005), (0.97, 0.97), (0.0, 0.0), (23.1, 91.0)])
def test_axes_hold_their_values_between_round_ticks(ends: tuple[float, float]) -> None:
    axis = linear_axis("x", *ends)
    assert axis.low <= ends[0] <= ends[1] <= axis.high
    assert 2 <= len(axis.ticks) <= 12
    assert axis.ticks[0][0] == axis.low


@pytest.mark.parametrize("ends", [(0.02, 0.03), (1.0, 1.0), (3.67, 249.0), (0.001, 9000.0)])
def test_logarithmic_axes_hold_their_values(ends: tuple[float, float]) -> None:
    axis = log_axis("ms", *ends)
    assert axis.low <= ends[0] * (1 + 1e-9)
    assert ends[1] <= axis.high * (1 + 1e-9)
    assert len(axis.ticks) >= 2
    assert axis.place(axis.low) == 0.0
    assert 0 < axis.place((axis.low * axis.high) ** 0.5) < 1


def test_an_axis_of_one_value_has_it_in_the_middle() -> None:
    assert log_axis_of("tokens", [24, 24]).place(24) == pytest.approx(0.5)
    assert counts_axis("scores", 1).place(0) == 0


def test_a_share_is_never_rounded_up_to_all() -> None:
    shares: Iterator[float | None] = iter([1.0, 0.9999, 0.9951, 0.999999, None])
    assert [percent(share) for share in shares] == ["100.0%", "99.990%", "99.5%", "almost 100%", "–"]


def test_an_example_that_differs_is_shown_with_its_text_what_is_right_and_both_answers(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    path.write_text(json.dumps({"body": "x" * 500, "topic": "crude"}) + "\n")
    examples = Dataset("some.jsonl", read_table(path), {"text": "body", "label": "topic"}, {}, "sha256:0")
    examples.column("text"), examples.column("label")
    outputs = np.array([[0.2, 0.8]], dtype=np.float32), np.array([[0.7, 0.3]], dtype=np.float32)
    found = compare_answers(examples, *outputs, np.array([False]), labels=("crude", "earn"), embeddings=False)
    assert found.first == (Differing("line 1", f"{'x' * 279}…", "crude", "earn 0.80", "crude 0.70"),)


def test_quality_stands_before_what_the_version_was_made_of(report: Report) -> None:
    titles = [words(title) for title in parsed(render_html(report)).iter("h2")]
    assert titles == ["Quality: accuracy", "Answers beside the reference's", "What came in, and what was made of it", "Steps"]
