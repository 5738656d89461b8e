"""The manifest: reading gives what was written, and says what is wrong with what was not."""

import json

import pytest

from model_repository.manifest import FILE, Answering, Manifest, ManifestError, answer_digest, file_digest, read_versions
from model_repository.measured import Interval, Quality, SliceQuality
from model_repository.postprocessing import FeatureExtraction, TextClassification, Windows


def test_reading_gives_what_was_written(manifest):
    measured = Quality(
        metric="accuracy",
        reference=0.98,
        packaged=0.979,
        examples=2189,
        data="test.jsonl",
        data_digest="sha256:" + "1" * 64,
        max_drop=0.005,
        interval=Interval(low=-0.002, high=0.004),
        agreement=0.99,
        slices=(SliceQuality(column="region", value="north", reference=0.9, packaged=0.8, examples=10),),
    )
    full = manifest.model_copy(update={"quality": measured})
    assert Manifest.parse(full.to_json(), where="here") == full
    assert Manifest.parse(full.model_dump_json().encode(), where="here") == full


def test_the_quality_of_an_earlier_writer_is_read_without_what_it_did_not_measure(manifest):
    fields = {"metric": "accuracy", "reference": 0.98, "packaged": 0.96, "examples": 9, "data": "d", "data_digest": "x", "max_drop": 0.1}
    earlier = Manifest.parse(json.dumps(json.loads(manifest.to_json()) | {"quality": fields}), where="here").quality
    assert earlier.drop == pytest.approx(0.02)
    assert (earlier.interval, earlier.agreement, earlier.slices) == (None, None, ())


def test_fields_of_a_later_writer_are_ignored(manifest):
    later = json.loads(manifest.to_json()) | {"colour": "blue"}
    assert Manifest.parse(json.dumps(later), where="here") == manifest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 2}, "schema_version: "),
        ({"version": 0}, "version: "),
        ({"labels": []}, "manifest: Value error, text-classification needs labels"),
        ({"task": "astrology"}, "task: "),
        ({"digest": "sha256:abc"}, "digest: "),
        ({"quality": {"metric": "accuracy", "packaged": 0.9}}, "quality.reference: "),
        ({"sizes": {"fp32_bytes": "many", "packaged_bytes": 1}}, "sizes.fp32_bytes: "),
    ],
)
def test_a_field_that_is_wrong_is_named_with_its_place(manifest, change, message):
    wrong = json.loads(manifest.to_json()) | change
    with pytest.raises(ManifestError) as error:
        Manifest.parse(json.dumps(wrong), where="topics/3/manifest.json")
    assert str(error.value).startswith(f"topics/3/manifest.json: {message}")


def test_what_is_not_json_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="here: manifest: Invalid JSON"):
        Manifest.parse("{", where="here")


def test_a_folder_without_a_manifest_is_not_a_version(tmp_path, manifest):
    for version in (10, 2):
        folder = tmp_path / str(version)
        folder.mkdir()
        (folder / FILE).write_text(manifest.model_copy(update={"version": version}).to_json())
    (tmp_path / "3").mkdir()
    (tmp_path / "draft").mkdir()
    (tmp_path / "draft" / FILE).write_text("{}")
    assert list(read_versions(tmp_path)) == [2, 10]


def test_the_digest_changes_with_everything_that_can_change_an_answer(tmp_path):
    graph, tokenizer = tmp_path / "graph", tmp_path / "tokenizer"
    graph.write_bytes(b"graph")
    tokenizer.write_bytes(b"tokenizer")
    settings = Answering(task="text-classification", labels=("a", "b"), max_length=8)
    first = answer_digest(graph, tokenizer, settings)
    assert answer_digest(graph, tokenizer, settings.model_copy()) == first
    changes = [
        {"labels": ("b", "a")},
        {"max_length": 9},
        {"windows": Windows(stride=2)},
        {"postprocessing": TextClassification(function="sigmoid")},
    ]
    others = {
        answer_digest(tokenizer, graph, settings),
        answer_digest(graph, graph, settings),
        *(answer_digest(graph, tokenizer, settings.model_copy(update=change)) for change in changes),
    }
    assert len(others | {first}) == 7


def test_the_digest_does_not_change_with_what_changes_no_answer(tmp_path, manifest):
    graph, tokenizer = tmp_path / "graph", tmp_path / "tokenizer"
    graph.write_bytes(b"graph")
    tokenizer.write_bytes(b"tokenizer")
    other = manifest.model_copy(update={"version": 7, "tools": {}})
    assert answer_digest(graph, tokenizer, other) == answer_digest(graph, tokenizer, manifest)


def test_postprocessing_is_read_as_its_task_has_it(manifest):
    embedding = json.loads(manifest.to_json()) | {
        "task": "feature-extraction",
        "labels": [],
        "postprocessing": {"dimension": 384, "pooling": "mean", "normalize": True},
    }
    read = Manifest.parse(json.dumps(embedding), where="here")
    assert read.postprocessing == FeatureExtraction(dimension=384, pooling="mean", normalize=True)
    assert Manifest.parse(read.to_json(), where="here") == read
    with pytest.raises(ManifestError, match="pooling"):
        Manifest.parse(json.dumps(embedding | {"postprocessing": {"dimension": 384, "pooling": "best", "normalize": True}}), where="here")


def test_a_file_digest_is_its_sha256(tmp_path):
    (tmp_path / "empty").touch()
    assert file_digest(tmp_path / "empty") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
