import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from export.errors import ExportError
from export.registry import package
from model_repository import config
from model_repository.manifest import Answering, Manifest, Source, answer_digest, read_versions
from model_repository.measured import Sizes

Make = Callable[..., Manifest]


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    path = tmp_path / "made/model.onnx"
    path.parent.mkdir()
    path.write_bytes(b"graph")
    return path


@pytest.fixture
def tokenizer(graph: Path) -> Path:
    path = graph.with_name("tokenizer.json")
    path.write_text("{}")
    return path


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return tmp_path / "some/where/models"


@pytest.fixture
def make(graph: Path, tokenizer: Path) -> Make:
    def manifest(version: int = 1, **fields: object) -> Manifest:
        labels, max_length = ("no", "yes"), 16
        digest = answer_digest(graph, tokenizer, Answering(task="text-classification", labels=labels, max_length=max_length))
        source = Source(checkpoint="somewhere", checkpoint_digest="sha256:0")
        usual = {"precision": "fp32", "target": "cpu", "tools": {}, "sizes": Sizes(fp32_bytes=5, packaged_bytes=5), "source": source}
        return Manifest.model_validate(
            {"model": "m", "version": version, "task": "text-classification", "labels": labels, "max_length": max_length, "digest": digest}
            | usual
            | fields
        )

    return manifest


@pytest.fixture
def put(repository: Path, graph: Path, tokenizer: Path) -> Callable[[Manifest], None]:
    def put(manifest: Manifest) -> None:
        with package.staging(repository, manifest, graph, tokenizer) as staged:
            package.commit(staged, repository)

    return put


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_version_is_packaged_with_what_triton_and_gateway_read(repository: Path, make: Make, put: Callable[[Manifest], None]) -> None:
    put(make(1))
    put(make(2))
    assert set(tree(repository / "m")) == {
        "config.pbtxt",
        *(f"{version}/{file}" for version in (1, 2) for file in ("model.onnx", "tokenizer.json", "manifest.json")),
    }
    assert config.manifests(config.read(repository / "m/config.pbtxt")) == read_versions(repository / "m") == {1: make(1), 2: make(2)}


def test_a_staged_version_is_a_repository_of_its_own_and_not_in_the_repository_yet(
    repository: Path, make: Make, graph: Path, tokenizer: Path
) -> None:
    with package.staging(repository, make(), graph, tokenizer) as staged:
        assert package.find_version(repository, "m", 1) is None
        assert package.find_version(staged.repository, "m", 1) == make()
        assert config.manifests(config.read(staged.repository / "m/config.pbtxt")) == {1: make()}
        assert staged.repository.stat().st_dev == repository.stat().st_dev


def test_a_check_that_fails_leaves_no_trace(tmp_path: Path, repository: Path, make: Make, graph: Path, tokenizer: Path) -> None:
    with pytest.raises(ExportError, match="a check"), package.staging(repository, make(), graph, tokenizer):
        raise ExportError("a check")
    assert not (tmp_path / "some").exists()


def test_a_check_that_fails_leaves_the_other_versions_as_they_were(
    repository: Path, make: Make, put: Callable[[Manifest], None], graph: Path, tokenizer: Path
) -> None:
    put(make(1))
    before = tree(repository)
    with pytest.raises(KeyboardInterrupt), package.staging(repository, make(2), graph, tokenizer):
        raise KeyboardInterrupt
    assert tree(repository) == before
    assert sorted(path.name for path in (repository / "m").iterdir()) == ["1", "config.pbtxt"]


def test_a_configuration_that_cannot_be_written_takes_the_version_back(
    repository: Path, make: Make, put: Callable[[Manifest], None], graph: Path, tokenizer: Path
) -> None:
    put(make(1))
    (repository / "m/config.part").mkdir()  # the file that would be renamed to config.pbtxt cannot be written
    before = tree(repository)
    for manifest in (make(2), make(1, tools={"other": "1"})):
        with pytest.raises(IsADirectoryError), package.staging(repository, manifest, graph, tokenizer) as staged:
            package.commit(staged, repository)
        assert tree(repository) == before


def test_what_a_user_edited_in_the_configuration_stays(repository: Path, make: Make, put: Callable[[Manifest], None]) -> None:
    put(make(1))
    path = repository / "m/config.pbtxt"
    edited = config.read(path)
    edited.max_batch_size = 7
    edited.dynamic_batching.max_queue_delay_microseconds = 12345
    edited.instance_group[0].count = 3
    edited.parameters["intra_op_threads"].string_value = "4"
    config.write(path, edited)
    put(make(2))
    after = config.read(path)
    assert (after.max_batch_size, after.dynamic_batching.max_queue_delay_microseconds) == (7, 12345)
    assert (after.instance_group[0].count, after.parameters["intra_op_threads"].string_value) == (3, "4")
    assert set(config.manifests(after)) == {1, 2}


def test_a_version_is_replaced_by_one_with_its_number(repository: Path, make: Make, put: Callable[[Manifest], None], graph: Path) -> None:
    put(make(1))
    graph.write_bytes(b"another graph")
    put(make(1))
    assert (repository / "m/1/model.onnx").read_bytes() == b"another graph"
    assert config.manifests(config.read(repository / "m/config.pbtxt")) == {1: make(1)}
    assert sorted(path.name for path in (repository / "m").iterdir()) == ["1", "config.pbtxt"]


def test_the_versions_of_a_model_share_task_and_target(repository: Path, make: Make, put: Callable[[Manifest], None]) -> None:
    put(make(1))
    with pytest.raises(ExportError, match=r"version 1 of m is text-classification for cpu, and version 2 would be .* for gpu"):
        put(make(2, target="gpu"))
    put(make(1, target="gpu"))  # alone, it may become another


def test_a_configuration_that_cannot_be_read_stops_before_anything_is_written(
    repository: Path, make: Make, put: Callable[[Manifest], None]
) -> None:
    put(make(1))
    (repository / "m/config.pbtxt").write_text("max_batch_size: many")
    before = tree(repository)
    with pytest.raises(ExportError, match=r"config\.pbtxt.*correct the file, or remove it"):
        put(make(2))
    assert tree(repository) == before


def test_an_intact_version_is_known_and_a_changed_one_is_not(repository: Path, make: Make, put: Callable[[Manifest], None]) -> None:
    put(make(1))
    package.require_intact(repository, make(1))
    (repository / "m/1/tokenizer.json").write_text("[]")
    with pytest.raises(ExportError, match="a file was changed; export it anew with --force"):
        package.require_intact(repository, make(1))
    (repository / "m/1/tokenizer.json").unlink()
    with pytest.raises(ExportError, match=r"tokenizer\.json of a packaged version is gone"):
        package.require_intact(repository, make(1))


def test_a_configuration_that_an_interrupted_export_left_behind_is_completed(
    repository: Path, make: Make, put: Callable[[Manifest], None]
) -> None:
    put(make(1))
    put(make(2))
    path = repository / "m/config.pbtxt"
    complete = config.read(path)
    config.write(path, config.updated(complete, {1: make(1)}))
    package.require_intact(repository, make(2))
    assert config.read(path) == complete
    path.unlink()
    package.require_intact(repository, make(2))
    assert config.read(path) == complete


def test_the_leavings_of_a_killed_export_are_removed_and_those_of_a_running_one_are_not(
    repository: Path, make: Make, put: Callable[[Manifest], None], graph: Path, tokenizer: Path
) -> None:
    with package.staging(repository, make(2), graph, tokenizer) as running:
        abandoned = repository / "m/.staging-killed"
        shutil.copytree(running.repository, abandoned)
        put(make(1))
        assert not abandoned.exists()
        package.commit(running, repository)
    assert set(read_versions(repository / "m")) == {1, 2}
