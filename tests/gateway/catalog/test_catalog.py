"""Which versions are ready, and which answers by default."""

import pytest

from gateway.catalog.catalog import IndexEntry, build
from gateway.settings.settings import Settings, SettingsError
from model_repository import config, serving
from model_repository.manifest import Manifest, Source
from model_repository.measured import Sizes
from model_repository.signature import PrivateKey


def manifest(version):
    return Manifest(
        model="tiny",
        version=version,
        task="text-classification",
        labels=("no", "yes"),
        max_length=16,
        precision="fp32",
        target="cpu",
        digest="sha256:" + f"{version}" * 64,
        source=Source(checkpoint="tiny", checkpoint_digest="sha256:0"),
        sizes=Sizes(fp32_bytes=1, packaged_bytes=1),
        tools={},
    )


MANIFESTS = {version: manifest(version) for version in (1, 2, 3)}


def index(*ready):
    return [IndexEntry("tiny", str(v), "READY" if v in ready else "UNAVAILABLE", "" if v in ready else "broken") for v in MANIFESTS]


def built(settings, *ready, key=None):
    return build(index(*ready), {"tiny": settings}, key).model("tiny")


def test_the_newest_ready_version_answers_until_one_is_promoted():
    settings = config.updated(None, MANIFESTS)
    assert (built(settings, 1, 2, 3).default_version, built(settings, 1, 2).default_version) == (3, 2)
    serving.promote(settings, 1)
    assert (built(settings, 1, 2, 3).default_version, built(settings, 1, 2, 3).promoted) == (1, 1)


def test_a_promoted_version_that_is_not_ready_leaves_the_answer_to_the_newest_that_is():
    settings = config.updated(None, MANIFESTS)
    serving.promote(settings, 1)
    assert (built(settings, 2, 3).default_version, built(settings).default_version) == (3, 3)


def test_a_version_that_is_being_taken_out_is_not_ready_though_triton_still_serves_it():
    settings = config.updated(None, MANIFESTS)
    serving.take_out(settings, {3})
    model = built(settings, 1, 2, 3)
    assert (model.default_version, model.is_ready(3), model.versions[3].reason) == (2, False, "out of service")
    assert model.versions[3].leaving, "Triton has it until it is told to unload it"
    assert not built(settings, 1, 2).versions[3].leaving


def test_with_a_key_unsigned_and_altered_versions_are_refused_with_a_reason():
    key = PrivateKey.generate()
    signatures = {version: key.sign(one.model_dump_json(exclude_unset=True)) for version, one in MANIFESTS.items() if version != 3}
    settings = config.updated(None, MANIFESTS, signatures)
    altered = settings.parameters["manifest.2"].string_value.replace('"yes"', '"maybe"')
    settings.parameters["manifest.2"].string_value = altered
    model = built(settings, 1, 2, 3, key=key.public)
    assert [model.is_ready(version) for version in MANIFESTS] == [True, False, False]
    assert model.default_version == 1
    assert model.versions[2].reason == "refused: the manifest's signature is wrong: the manifest was altered, or signed with another key"
    assert model.versions[3].reason == "refused: the manifest is not signed"
    assert [version.refused for version in model.versions.values()] == [False, True, True]
    assert all(version.ready for version in built(settings, 1, 2, 3).versions.values()), "without a key nothing is refused"


def test_the_public_key_is_read_from_base64_or_a_file(monkeypatch, tmp_path):
    public = str(PrivateKey.generate().public)
    (tmp_path / "key.pub").write_text(public)
    for text in (public, str(tmp_path / "key.pub")):
        monkeypatch.setenv("HEADRACE_MANIFEST_PUBLIC_KEY", text)
        assert str(Settings.read().manifest_public_key) == public
    monkeypatch.setenv("HEADRACE_MANIFEST_PUBLIC_KEY", "nowhere")
    with pytest.raises(SettingsError, match=r"^HEADRACE_MANIFEST_PUBLIC_KEY: nowhere is neither the base64 of an ed25519 public key"):
        Settings.read()
