"""Push and pull: between a repository, a local S3 server, a folder and memory."""

import json
import os
import shutil

import pytest
import s3fs
from fsspec.implementations.memory import MemoryFileSystem
from moto.server import ThreadedMotoServer

from model_repository import config
from model_repository.manifest import read_versions
from model_repository.signature import PrivateKey


@pytest.fixture(scope="module")
def s3_server():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server, monkeypatch, request):
    """An S3 bucket of the test's own, and the usual variables that lead to it."""
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1"}
    for name, value in {**credentials, "AWS_ENDPOINT_URL": s3_server, "NO_PROXY": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)
    name = f"bucket-{abs(hash(request.node.nodeid))}"
    s3fs.S3FileSystem(skip_instance_cache=True).mkdir(name)
    return f"s3://{name}"


@pytest.fixture(params=["s3", "file", "memory"])
def url(request, tmp_path):
    if request.param == "s3":
        yield f"{request.getfixturevalue('bucket')}/some/models"
    elif request.param == "file":
        yield f"file://{tmp_path / 'store'}"
    else:
        yield "memory://models"
        MemoryFileSystem.store.clear()


@pytest.fixture
def elsewhere(registry, tmp_path):
    """Another repository, still empty."""
    return type(registry)(tmp_path / "elsewhere", b"", b"")


def test_a_folder_that_is_no_version_is_left_alone(registry, elsewhere, tmp_path):
    registry("push", "weather/1", tmp_path / "store")
    for other in ("weather/007", "weather/draft", "~old/1"):
        shutil.copytree(tmp_path / "store/weather/1", tmp_path / "store" / other)
    assert registry("push", "weather/1", tmp_path / "store") == 0
    assert elsewhere("pull", tmp_path / "store") == 0


def test_a_version_comes_back_as_it_was(registry, elsewhere, url, capsys):
    for version in (1, 2):
        assert registry("push", f"weather/{version}", url) == 0
    assert elsewhere("pull", url, "weather/2") == 0
    assert elsewhere("pull", f"{url}/weather/1") == 0
    expected = {name: contents for name, contents in registry.files().items() if name[:10] in ("weather/1/", "weather/2/")}
    found = elsewhere.files()
    assert config.manifests(elsewhere.settings()) == read_versions(elsewhere.repository / "weather")
    del found["weather/config.pbtxt"]
    assert found == expected
    assert elsewhere("verify", "weather/1") == 0


def test_the_report_travels_with_its_version_and_goes_with_it(registry, elsewhere, url):
    version, page, text = registry.repository / "weather" / "1", "report.html", "report.md"
    (version / page).write_text("<p>1</p>")
    (version / text).write_text("1")
    registry("push", "weather/1", url)
    assert elsewhere("pull", url) == 0
    assert {name: elsewhere.files()[f"weather/1/{name}"] for name in (page, text)} == {page: b"<p>1</p>", text: b"1"}
    registry.add(1, tools={"maker": "another"})
    registry("push", "weather/1", url, "--force")
    assert elsewhere("pull", url, "--force") == 0
    assert not {f"weather/1/{page}", f"weather/1/{text}"} & elsewhere.files().keys()


def test_a_store_is_a_repository_that_triton_can_serve(registry, tmp_path):
    registry("promote", "weather/1")
    for version in (1, 3):
        assert registry("push", f"weather/{version}", tmp_path / "store") == 0
    store = type(registry)(tmp_path / "store", b"", b"")
    assert set(config.manifests(store.settings())) == {1, 3}
    assert store.settings().parameters["default_version"].string_value == "1"
    assert store("verify", "weather/3") == 0


def test_a_second_push_and_a_second_pull_have_nothing_to_do(registry, elsewhere, url, capsys):
    for _ in range(2):
        assert registry("push", "weather/1", url) == 0
    assert capsys.readouterr().out.endswith(f"weather/1 is in {url} already, the same: nothing to do.\n")
    for _ in range(2):
        assert elsewhere("pull", url) == 0
    assert capsys.readouterr().out.endswith(f"weather/1 is in {elsewhere.repository} already, the same: nothing to do.\n")


def test_another_version_by_the_same_name_is_replaced_by_force_only(registry, elsewhere, url, capsys):
    registry("push", "weather/1", url)
    elsewhere("pull", url)
    registry.add(1, tools={"maker": "another"})
    assert registry("push", "weather/1", url) == 1
    assert "holds another version weather/1 already; push under a new version number, or replace it with --force" in capsys.readouterr().err
    assert registry("push", "weather/1", url, "--force") == 0
    before = elsewhere.files()
    assert elsewhere("pull", url) == 1
    assert "holds another version weather/1 already; replace it with --force" in capsys.readouterr().err
    assert elsewhere.files() == before
    assert elsewhere("pull", url, "--force") == 0
    assert read_versions(elsewhere.repository / "weather")[1].tools == {"maker": "another"}


def test_of_several_versions_one_must_be_named(registry, elsewhere, url, capsys):
    for version in (1, 2):
        registry("push", f"weather/{version}", url)
    assert elsewhere("pull", url) == 1
    assert "holds 2 versions; name one: weather/1, weather/2" in capsys.readouterr().err
    assert elsewhere("pull", url, "weather/7") == 1
    assert "holds no version weather/7; there are: weather/1, weather/2" in capsys.readouterr().err


@pytest.mark.parametrize("file", ["model.onnx", "tokenizer.json"])
def test_files_that_were_changed_in_the_store_never_land(registry, elsewhere, tmp_path, capsys, file):
    registry("push", "weather/1", tmp_path / "store")
    (tmp_path / "store/weather/1" / file).write_bytes(b"another")
    assert elsewhere("pull", tmp_path / "store") == 1
    assert "a file was changed" in capsys.readouterr().err
    assert not elsewhere.repository.exists()


def test_a_manifest_cannot_choose_another_place(registry, elsewhere, tmp_path, capsys):
    registry("push", "weather/1", tmp_path / "store")
    path = tmp_path / "store/weather/1/manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model": "../../outside"}))
    assert elsewhere("pull", tmp_path / "store") == 1
    assert "holds the manifest of ../../outside/1; nothing was taken over" in capsys.readouterr().err
    assert not elsewhere.repository.exists()


def test_a_signature_travels_and_is_checked_before_anything_lands(registry, elsewhere, url, tmp_path, capsys):
    key = PrivateKey.generate()
    key.write(tmp_path / "key")
    registry("push", "weather/1", url)
    assert elsewhere("pull", url, "--public-key", key.public) == 1
    assert "the manifest is not signed" in capsys.readouterr().err
    assert not elsewhere.repository.exists()
    registry("sign", "weather/1", "--key", tmp_path / "key")
    assert registry("push", "weather/1", url) == 0
    assert elsewhere("pull", url, "--public-key", key.public) == 0
    assert elsewhere("verify", "weather/1", "--public-key", key.public) == 0


def test_a_copy_without_the_signature_does_not_take_it_away(registry, elsewhere, url, tmp_path, capsys):
    key = PrivateKey.generate()
    key.write(tmp_path / "key")
    registry("push", "weather/1", url)
    elsewhere("pull", url)
    elsewhere("sign", "weather/1", "--key", tmp_path / "key")
    assert elsewhere("pull", url) == 0
    assert capsys.readouterr().out.endswith("already, the same: nothing to do.\n")
    assert elsewhere("verify", "weather/1", "--public-key", key.public) == 0
    assert elsewhere("push", "weather/1", url) == 0, "the signature goes to the store"
    assert registry("push", "weather/1", url) == 0
    assert registry("pull", url, "--public-key", key.public) == 0


def test_a_changed_version_is_not_pushed(registry, tmp_path, capsys):
    (registry.repository / "weather/1/model.onnx").write_bytes(b"another")
    assert registry("push", "weather/1", tmp_path / "store") == 1
    assert "a file was changed" in capsys.readouterr().err
    assert not (tmp_path / "store").exists()


def test_a_store_that_cannot_be_used_is_named(registry, bucket, capsys, monkeypatch, unused_tcp_port):
    for url in ("gopher://store", "s3://no-such-bucket/models"):
        assert registry("push", "weather/1", url) == 1
        assert capsys.readouterr().err.startswith(f"export: {url} cannot be ")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused_tcp_port}")
    assert registry("push", "weather/1", bucket) == 1
    assert capsys.readouterr().err.startswith(f"export: {bucket} cannot be ")


def test_the_hub_is_reached_through_its_own_file_system_and_its_refusal_is_ours(registry, capsys, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert registry("push", "weather/1", "hf://someone/models") == 1
    error = capsys.readouterr().err
    assert error.startswith("export: hf://someone/models cannot be ")
    assert "HF_HUB_OFFLINE" in error


def test_what_an_interrupted_push_left_is_not_a_version(registry, elsewhere, tmp_path, capsys):
    registry("push", "weather/1", tmp_path / "store")
    os.unlink(tmp_path / "store/weather/1/manifest.json")
    assert elsewhere("pull", tmp_path / "store") == 1
    assert "holds no version" in capsys.readouterr().err
    assert registry("push", "weather/1", tmp_path / "store") == 0
    shutil.rmtree(tmp_path / "models")
    assert elsewhere("pull", tmp_path / "store") == 0
