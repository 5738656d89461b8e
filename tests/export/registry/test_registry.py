"""The verbs on a repository alone: no Triton runs."""

import json
import re
import shutil

import pytest

from export.__main__ import main
from model_repository import config, serving
from model_repository.manifest import FILE, GRAPH, read_versions
from model_repository.measured import Quality
from model_repository.signature import PrivateKey


@pytest.fixture
def key(tmp_path):
    key = PrivateKey.generate()
    key.write(tmp_path / "key")
    return key


def test_the_list_has_a_line_for_each_version(registry, capsys):
    registry.add(1, model="news")
    assert registry("list") == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["MODEL", "VERSION", "TASK", "PRECISION", "TARGET", "QUALITY", "SIZE", "SERVICE", "SIGNED", "DIGEST"]
    assert [line.split()[:2] for line in lines] == [["news", "1"], ["weather", "1"], ["weather", "2"], ["weather", "3"]]
    assert registry("list", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["model"], row["version"], row["default"], row["in_service"], row["signed"]) for row in rows] == [
        ("news", 1, False, True, False),
        *(("weather", version, False, True, False) for version in (1, 2, 3)),
    ]


def test_a_model_shows_its_default_and_a_version_its_manifest(registry, capsys):
    registry("promote", "weather/2")
    registry("promote", "weather/1")
    capsys.readouterr()
    assert registry("show", "weather") == 0
    shown = capsys.readouterr().out
    assert "default: version 1\n" in shown
    assert "before, oldest first: the newest that is ready, version 2\n" in shown
    assert registry("show", "weather/1", "--json") == 0
    fields = json.loads(capsys.readouterr().out)
    assert (fields["default"], fields["tools"], fields["max_length"]) == (True, {"maker": "version 1"}, 24)


def test_a_shown_manifest_has_a_line_for_each_figure_of_a_slice(registry, capsys):
    figures = {"reference": 0.9, "packaged": 0.8, "examples": 120}
    quality = {**figures, "metric": "accuracy", "data": "set.csv", "data_digest": "sha256:0", "max_drop": 0.1, "columns": {"text": "body"}}
    quality["slices"] = [{**figures, "column": "region", "value": region} for region in ("north", "south")]
    registry.add(4, quality=Quality.model_validate(quality))
    assert registry("show", "weather/4") == 0
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if line.count(" "))
    assert (shown["quality.slices.2.value"], shown["quality.slices.1.packaged"], shown["quality.columns.text"]) == ("south", "0.8", "body")


def test_an_empty_repository_holds_nothing_to_list_and_nothing_to_remove(registry, capsys):
    shutil.rmtree(registry.repository)
    for arguments in (["list"], ["gc", "--no-experiments"], ["gc", "--no-experiments", "--yes"]):
        assert registry(*arguments) == 0
        assert capsys.readouterr().out == f"{registry.repository} holds no packaged version.\n"


@pytest.mark.parametrize(
    ("verb", "name", "message"),
    [
        ("show", "weather/9", r"weather has no version 9 in \S+; there are: 1, 2, 3"),
        ("verify", "wether/1", r"there is no model wether in \S+; there are: weather"),
        ("promote", "weather/9", "weather has no version 9"),
        ("unload", "weather/9", "weather has no version 9"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(registry, capsys, verb, name, message):
    before = registry.files()
    assert registry(verb, name) == 1
    assert re.search(message, capsys.readouterr().err)
    assert registry.files() == before


@pytest.mark.parametrize("name", ["weather", "weather/0", "weather/one", "../weather/1", "weather/1/2", "/1"])
def test_a_name_that_is_none_is_a_wrong_command_line(registry, name):
    with pytest.raises(SystemExit) as caught:
        registry("verify", name)
    assert caught.value.code == 2


def test_an_intact_version_is_verified_and_each_change_is_named(registry, capsys):
    assert registry("verify", "weather/1") == 0
    assert capsys.readouterr().out.startswith("weather/1 is what its manifest says: sha256:")
    folder = registry.repository / "weather/1"
    (folder / "model.onnx").write_bytes(b"another")
    settings = registry.settings()
    settings.parameters["manifest.1"].string_value = settings.parameters["manifest.1"].string_value.replace("cold", "frosty")
    config.write(registry.repository / "weather" / config.FILE, settings)
    assert registry("verify", "weather/1") == 1
    one, other = capsys.readouterr().err.splitlines()
    assert "a file was changed" in one
    assert "config.pbtxt holds another manifest of version 1 than " in other
    (folder / "model.onnx").unlink()
    assert registry("verify", "weather/1", "--json") == 1
    assert "model.onnx of a packaged version is gone" in json.loads(capsys.readouterr().out)["faults"][0]
    assert registry("verify", "weather/2") == 0, "the others are as they were"


def test_a_manifest_in_another_models_folder_is_named(registry, capsys):
    shutil.copytree(registry.repository / "weather", registry.repository / "news")
    assert registry("verify", "news/1") == 1
    assert "is of model weather, and lies in the folder of news" in capsys.readouterr().err


def test_a_copy_of_a_version_under_another_number_is_named(registry, capsys):
    shutil.copytree(registry.repository / "weather/3", registry.repository / "weather/5")
    for verb, name in (("list", None), ("verify", "weather/5"), ("promote", "weather/1")):
        assert registry(verb, *filter(None, [name])) == 1
        error = capsys.readouterr().err
        assert (
            "weather/5/manifest.json: it is the manifest of version 3, and lies in a folder named 5; remove that version's folder" in error
        )


@pytest.fixture
def without_default(registry, capsys):
    """A repository whose default, version 3, was removed by hand.

    Version 2 was the default before, and version 1 before that.
    """
    for version in (1, 2, 3):
        registry("promote", f"weather/{version}")
    shutil.rmtree(registry.repository / "weather/3")
    capsys.readouterr()
    return registry


def test_a_default_that_was_removed_by_hand_is_no_default(without_default, capsys):
    assert without_default("show", "weather") == 0
    shown = capsys.readouterr().out
    assert shown.endswith("default: the newest that is ready\nbefore, oldest first: the newest that is ready, version 1, version 2\n")


def test_gc_keeps_what_answers_since_the_default_was_removed_by_hand(without_default, capsys):
    without_default.add(1, model="news")
    assert without_default("gc", "weather", "--no-experiments", "--yes", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert [row["version"] for row in answer["removed"]] == [1]
    assert answer["kept"][0]["used_by"] == ["newest", "rollback"]
    assert set(read_versions(without_default.repository / "weather")) == {2}


def test_a_rollback_says_what_it_did_where_a_version_was_removed_by_hand(without_default, capsys):
    shutil.rmtree(without_default.repository / "weather/2")
    assert without_default("rollback", "weather") == 0
    assert capsys.readouterr().out.startswith("weather: version 1 is the default again (before: the newest that is ready).")
    assert serving.default_version(without_default.settings()) == 1


def test_promotions_are_rolled_back_one_by_one(registry, capsys):
    def default():
        return serving.default_version(registry.settings())

    for version in (1, 2, 1):
        assert registry("promote", f"weather/{version}") == 0
        assert default() == version
    assert "(before: version 2). No running Triton was told: give --triton" in capsys.readouterr().out
    assert registry("promote", "weather/1") == 0
    assert capsys.readouterr().out.startswith("weather: version 1 is the default already. No running Triton was told: give --triton")
    for version in (2, 1, None):
        assert registry("rollback", "weather") == 0
        assert default() == version
    assert registry("rollback", "weather") == 1
    assert "no default before the present one" in capsys.readouterr().err


def test_a_changed_version_is_not_promoted(registry, capsys):
    (registry.repository / "weather/2/tokenizer.json").write_text("[]")
    before = registry.files()
    assert registry("promote", "weather/2") == 1
    assert "a file was changed" in capsys.readouterr().err
    assert registry.files() == before


def test_a_version_out_of_service_stays_out_through_the_next_export(registry, capsys):
    assert registry("unload", "weather/2") == 0
    registry.add(4)
    assert list(registry.settings().version_policy.specific.versions) == [1, 3, 4]
    assert registry("load", "weather") == 0
    assert list(registry.settings().version_policy.specific.versions) == [1, 3, 4]
    assert registry("promote", "weather/2") == 1
    assert "version 2 of weather is out of service; put it back with `load weather/2` first" in capsys.readouterr().err
    assert registry("load", "weather/2") == 0
    assert registry.settings().version_policy.WhichOneof("policy_choice") == "all"


def test_a_whole_model_is_taken_out_and_put_back(registry):
    assert registry("unload", "weather") == 0
    assert serving.out_of_service(registry.settings()) == {1, 2, 3}
    assert registry("load", "weather") == 0
    assert serving.out_of_service(registry.settings()) == set()


def test_the_default_is_taken_out_by_force_only(registry, capsys):
    registry("promote", "weather/2")
    assert registry("unload", "weather/2") == 1
    assert "version 2 is the default of weather: promote another version first" in capsys.readouterr().err
    assert registry("unload", "weather/2", "--force") == 0
    assert serving.out_of_service(registry.settings()) == {2}


def test_a_parameter_that_a_user_broke_stops_every_change(registry, capsys):
    path = registry.repository / "weather" / config.FILE
    settings = registry.settings()
    settings.parameters["default_version"].string_value = "two"
    config.write(path, settings)
    before = registry.files()
    for verb, name in (("promote", "weather/1"), ("rollback", "weather"), ("load", "weather"), ("list", ""), ("show", "weather")):
        assert registry(verb, *filter(None, [name])) == 1
        assert "parameter default_version: 'two' is not a version" in capsys.readouterr().err
    assert registry.files() == before


def test_a_signed_version_is_verified_with_the_public_key(registry, key, tmp_path, capsys):
    assert registry("verify", "weather/1", "--public-key", key.public) == 1
    assert "the manifest is not signed" in capsys.readouterr().err
    assert registry("sign", "weather/1", "--key", tmp_path / "key") == 0
    assert registry("verify", "weather/1", "--public-key", key.public) == 0
    assert (
        registry.settings().parameters["signature.1"].string_value == (registry.repository / "weather/1/manifest.sig").read_text().strip()
    )
    assert registry("verify", "weather/1", "--public-key", PrivateKey.generate().public) == 1
    assert "signed with another key" in capsys.readouterr().err
    registry.add(1, tools={"maker": "another"})
    assert registry("verify", "weather/1", "--public-key", key.public) == 1, "a version that was replaced is not signed"


def test_a_changed_version_is_not_signed(registry, key, tmp_path, capsys):
    (registry.repository / "weather/1/model.onnx").write_bytes(b"another")
    assert registry("sign", "weather/1", "--key", tmp_path / "key") == 1
    assert "a file was changed" in capsys.readouterr().err
    assert not (registry.repository / "weather/1/manifest.sig").exists()


def test_keygen_makes_a_pair_and_never_overwrites_one(tmp_path, capsys):
    assert main(["keygen", str(tmp_path / "mine")]) == 0
    public = (tmp_path / "mine.pub").read_text().strip()
    assert public in capsys.readouterr().out
    assert str(PrivateKey.read(tmp_path / "mine").public) == public
    for moved in (tmp_path / "nowhere", tmp_path / "mine"):
        moved.unlink(missing_ok=True)
        assert main(["keygen", str(tmp_path / "mine")]) == 1
        assert "keys are not overwritten" in capsys.readouterr().err
    assert (tmp_path / "mine.pub").read_text().strip() == public, "nor is a public key whose private one is kept elsewhere"


@pytest.fixture
def experiments(tmp_path):
    path = tmp_path / "experiments.yaml"
    path.write_text("experiments:\n- {key: lora, model: weather, variants: [{name: a, version: 1, weight: 1}, {name: b, version: 4}]}\n")
    return path


@pytest.mark.parametrize(
    "named",
    [
        "model: climate, variants: [{name: a, version: 9}, {name: b, model: weather, version: 4}]",
        "variants: [{name: a, model: weather, version: 5}, {name: b, version: 4}]",
    ],
)
def test_gc_keeps_a_version_that_an_experiment_shows_however_it_names_the_model(registry, tmp_path, capsys, named):
    for version in (4, 5):
        registry.add(version)
    registry("promote", "weather/5")
    path = tmp_path / "experiments.yaml"
    path.write_text(f"experiments:\n- {{key: smaller, {named}}}\n")
    capsys.readouterr()
    assert registry("gc", "--experiments", path, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert "experiment smaller" in {row["version"]: row["used_by"] for row in answer["kept"]}[4]
    assert 4 not in [row["version"] for row in answer["would_remove"]]


def test_gc_says_what_would_go_and_removes_it_when_told_to(registry, experiments, capsys):
    for version in (4, 5, 6, 7):
        registry.add(version)
    for version in (3, 5, 6):
        registry("promote", f"weather/{version}")
    capsys.readouterr()
    before = registry.files()
    assert registry("gc", "--experiments", experiments, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert [row["version"] for row in answer["would_remove"]] == [2, 3]
    assert {row["version"]: row["used_by"] for row in answer["kept"]} == {
        1: ["experiment lora"],
        4: ["experiment lora"],
        5: ["rollback"],
        6: ["default"],
        7: ["newer than the default"],
    }
    assert registry.files() == before
    assert registry("gc", "--experiments", experiments, "--yes") == 0
    assert set(read_versions(registry.repository / "weather")) == {1, 4, 5, 6, 7}
    assert set(config.manifests(registry.settings())) == {1, 4, 5, 6, 7}
    assert sorted(path.name for path in (registry.repository / "weather").iterdir()) == ["1", "4", "5", "6", "7", "config.pbtxt"]
    assert serving.history(registry.settings()) == [None, 5], "a rollback finds its version"


def test_without_a_promotion_gc_keeps_the_newest_in_service(registry, capsys):
    registry("unload", "weather/3")
    assert registry("gc", "weather", "--no-experiments", "--yes") == 0
    assert set(read_versions(registry.repository / "weather")) == {2}


def test_gc_must_be_told_of_the_experiments(registry, experiments, capsys, monkeypatch):
    with pytest.raises(SystemExit) as caught:
        registry("gc")
    assert caught.value.code == 2
    assert "one of the arguments --experiments --no-experiments is required" in capsys.readouterr().err
    monkeypatch.setenv("HEADRACE_EXPERIMENTS_FILE", str(experiments))
    assert registry("gc", "--json") == 0
    assert [row["version"] for row in json.loads(capsys.readouterr().out)["would_remove"]] == [2]


@pytest.mark.parametrize("text", ["experiments: [{key: a}]", "- 1", "experiments: [", "experiments: [{key: a, model: m, variants: [{}]}]"])
def test_gc_stops_at_a_file_that_is_not_one_of_experiments(registry, experiments, capsys, text):
    experiments.write_text(text)
    before = registry.files()
    assert registry("gc", "--experiments", experiments, "--yes") == 2
    assert str(experiments) in capsys.readouterr().err
    assert registry.files() == before


def test_a_triton_that_does_not_answer_leaves_the_configuration_as_it_was(registry, capsys, unused_tcp_port):
    before = registry.files()
    for arguments in (["promote", "weather/1"], ["load", "weather"], ["unload", "weather/1"]):
        assert registry(*arguments, "--triton", f"127.0.0.1:{unused_tcp_port}") == 1
        assert f"Triton at 127.0.0.1:{unused_tcp_port} does not answer: check --triton" in capsys.readouterr().err
    assert registry("gc", "--no-experiments", "--yes", "--json", "--triton", f"127.0.0.1:{unused_tcp_port}") == 1
    assert capsys.readouterr().out == "", "nothing is said to be removed that was not"
    assert registry.files() == before


NO_ADDRESSES = [
    "",
    "localhost",
    "localhost:abc",
    "a b:1",
    ":8001",
    "host:99999",
    "[::1",
    "::1:8001",
    "host:-1",
    "host:8001/",
    "\n:1",
    "\udcff:8001",
    "http://host:8001",
    "grpc://host:8001",
    "dns:///host:8001",
    "one:8001,two:8001",
]


@pytest.mark.parametrize("url", NO_ADDRESSES)
@pytest.mark.parametrize("verb", [("promote", "weather/1"), ("load", "weather"), ("unload", "weather/2"), ("list",), ("run", "none.yaml")])
def test_a_triton_that_is_none_is_one_sentence_before_anything_is_done(registry, capsys, verb, url):
    before = registry.files()
    with pytest.raises(SystemExit) as caught:
        registry(*verb, "--triton", url)
    assert caught.value.code == 2
    *_usage, error = capsys.readouterr().err.splitlines()
    remedy = "is no address of a Triton: give host:port of its gRPC endpoint, without a scheme, such as 127.0.0.1:8001"
    assert error == f"python -m export {verb[0]}: error: argument --triton: {url!a} {remedy}"
    assert registry.files() == before


def test_a_triton_that_is_none_is_named_by_its_variable(registry, capsys, monkeypatch):
    monkeypatch.setenv("HEADRACE_TRITON_GRPC_URL", "http://127.0.0.1:8001")
    with pytest.raises(SystemExit):
        registry("list")
    assert capsys.readouterr().err.endswith(" (it is what HEADRACE_TRITON_GRPC_URL says)\n")


@pytest.mark.parametrize(
    "verb", [("promote", "weather/1"), ("verify", "weather/1"), ("load", "weather/1"), ("unload", "weather/1"), ("list",)]
)
@pytest.mark.parametrize("damage", ["manifest", "folder", "configuration"])
def test_a_damaged_repository_is_one_sentence(registry, capsys, verb, damage):
    version = registry.repository / "weather/1"
    if damage == "manifest":
        (version / FILE).write_bytes(b"\xff\x00")
    elif damage == "folder":
        (version / GRAPH).unlink()
        (version / GRAPH).mkdir()
    else:
        (registry.repository / "weather" / config.FILE).write_bytes(b"\xff\x00")
    code, error = registry(*verb), capsys.readouterr().err
    assert code in (0, 1)
    assert error.startswith("export: ") if code else error == ""


def test_a_triton_that_does_not_answer_is_named_also_where_the_version_is_the_default_already(registry, capsys, unused_tcp_port):
    assert registry("promote", "weather/1") == 0
    assert registry("promote", "weather/1", "--triton", f"127.0.0.1:{unused_tcp_port}") == 1
    assert f"Triton at 127.0.0.1:{unused_tcp_port} does not answer" in capsys.readouterr().err
