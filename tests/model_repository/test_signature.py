"""Signed manifests: what the key's owner signed is accepted, and nothing else."""

import json
import stat

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from model_repository import config, signature
from model_repository.manifest import Manifest
from model_repository.signature import PrivateKey, PublicKey, SignatureError


@pytest.fixture
def key():
    return PrivateKey.generate()


def test_what_was_signed_is_accepted_whatever_its_spacing_and_order(key, manifest):
    signed = key.sign(manifest.to_json())
    key.public.check(manifest.to_json(), signed)
    key.public.check(json.dumps(dict(reversed(json.loads(manifest.to_json()).items()))), signed)


@pytest.mark.parametrize("change", [{"version": 2}, {"max_length": 65}, {"labels": ["ship", "grain", "trade", "crude"]}, {"new": None}])
def test_an_altered_manifest_is_refused(key, manifest, change):
    altered = json.dumps(json.loads(manifest.to_json()) | change)
    with pytest.raises(SignatureError, match="altered, or signed with another key"):
        key.public.check(altered, key.sign(manifest.to_json()))


def test_an_unsigned_manifest_and_one_that_others_signed_are_refused(key, manifest):
    with pytest.raises(SignatureError, match="not signed"):
        key.public.check(manifest.to_json(), None)
    for wrong in (PrivateKey.generate().sign(manifest.to_json()), "ed25519:", "ed25519:AAAA", "", "no base64"):
        with pytest.raises(SignatureError, match="altered, or signed with another key"):
            key.public.check(manifest.to_json(), wrong)


def test_the_signature_of_the_file_is_good_for_the_configurations_parameter(key, manifest, tmp_path):
    written = Manifest.parse(manifest.to_json(), where="file")
    settings = config.updated(None, {1: written}, {1: key.sign(manifest.to_json())})
    config.write(tmp_path / config.FILE, settings)
    signature.check_served(config.read(tmp_path / config.FILE), 1, key.public)


def test_a_manifest_by_a_writer_that_knew_fewer_fields_keeps_its_signature(key, manifest):
    older = json.loads(manifest.to_json())
    for field in ("recipe_revision", "command"):
        del older["source"][field]
    settings = config.updated(None, {1: Manifest.parse(json.dumps(older), where="file")}, {1: key.sign(json.dumps(older))})
    signature.check_served(settings, 1, key.public)


def test_a_version_whose_signature_is_gone_is_unsigned(key, manifest):
    settings = config.updated(None, {1: manifest}, {1: key.sign(manifest.to_json())})
    again = config.updated(settings, {1: manifest})
    assert signature.signature(again, 1) is None
    with pytest.raises(SignatureError, match="not signed"):
        signature.check_served(again, 1, key.public)


def test_keys_are_read_from_what_was_written(key, tmp_path):
    key.write(tmp_path / "key")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert str(PrivateKey.read(tmp_path / "key").public) == str(key.public)
    with pytest.raises(FileExistsError):
        PrivateKey.generate().write(tmp_path / "key")
    (tmp_path / "key.pub").write_text(f"{key.public}\n")
    pem = key.public.key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(pem)
    for text in (str(key.public), str(tmp_path / "key.pub"), str(tmp_path / "key.pem")):
        assert str(PublicKey.read(text)) == str(key.public)


def test_what_is_no_ed25519_key_is_refused_with_the_remedy(tmp_path):
    other = generate_private_key(SECP256R1())
    (tmp_path / "ec").write_bytes(
        other.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (tmp_path / "ec.pub").write_bytes(
        other.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    (tmp_path / "text").write_text("hello")
    for file, message in (("ec", "not ed25519"), ("text", "no private key in PEM"), ("nowhere", "cannot be read: No such file")):
        with pytest.raises(SignatureError, match=message):
            PrivateKey.read(tmp_path / file)
    for file, message in (("ec.pub", "not ed25519"), ("text", "no public key in PEM or base64"), ("nowhere", "No such file")):
        with pytest.raises(SignatureError, match=message):
            PublicKey.read(str(tmp_path / file))
