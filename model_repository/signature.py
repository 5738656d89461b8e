"""Signed manifests: ed25519 over the canonical JSON of a manifest.

The manifest holds the digest of everything that can change an answer.

    <version>/manifest.sig               ed25519:<base64>, beside the manifest
    config.pbtxt, signature.<version>    the same, for readers of Triton's configurations

This is the only module that uses `cryptography`.
"""

import base64
import binascii
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from model_repository.config import MANIFEST_PARAMETER, SIGNATURE_PARAMETER

FILE = "manifest.sig"
KEY_BYTES = 32
_SCHEME = "ed25519:"


class SignatureError(ValueError):
    """A key that cannot be used, or a signature that is missing or wrong; the message says it."""


@dataclass(frozen=True)
class PublicKey:
    """Checks signatures."""

    key: Ed25519PublicKey

    @classmethod
    def read(cls, text: str) -> "PublicKey":
        """A key from its base64 (32 bytes), or from a file that holds the base64 or PEM.

        Raises:
            SignatureError: it is neither.
        """
        if (raw := _decoded(text)) is not None:
            return cls(Ed25519PublicKey.from_public_bytes(raw))
        try:
            contents = Path(text).read_bytes()
        except OSError as exc:
            raise SignatureError(
                f"{text} is neither the base64 of an ed25519 public key ({KEY_BYTES} bytes) nor a file that can be read: {exc.strerror}"
            ) from exc
        if (raw := _decoded(contents.decode("latin-1").strip())) is not None:
            return cls(Ed25519PublicKey.from_public_bytes(raw))
        try:
            key = serialization.load_pem_public_key(contents)
        except (ValueError, UnsupportedAlgorithm) as exc:
            raise SignatureError(f"{text} holds no public key in PEM or base64; make a pair with `python -m export keygen`") from exc
        if not isinstance(key, Ed25519PublicKey):
            raise SignatureError(f"{text} holds a public key that is not ed25519; make a pair with `python -m export keygen`")
        return cls(key)

    def check(self, manifest: str | bytes, signature: str | None) -> None:
        """Require that a manifest's signature exists and is by this key's owner.

        Raises:
            SignatureError: it is missing, or does not fit manifest and key.
        """
        if signature is None:
            raise SignatureError("the manifest is not signed")
        try:
            raw = base64.b64decode(signature.strip().removeprefix(_SCHEME), validate=True)
            self.key.verify(raw, canonical(manifest))
        except (ValueError, InvalidSignature) as exc:
            raise SignatureError("the manifest's signature is wrong: the manifest was altered, or signed with another key") from exc

    def __str__(self) -> str:
        return base64.b64encode(self.key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)).decode()


@dataclass(frozen=True)
class PrivateKey:
    """Signs manifests."""

    key: Ed25519PrivateKey

    @classmethod
    def generate(cls) -> "PrivateKey":
        """A new key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, path: Path) -> "PrivateKey":
        """A key from a PEM file (PKCS 8, without a password).

        Raises:
            SignatureError: no such file, or no ed25519 private key in it.
        """
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except OSError as exc:
            raise SignatureError(f"{path}: the key cannot be read: {exc.strerror}") from exc
        except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
            raise SignatureError(f"{path} holds no private key in PEM without a password; make one with `python -m export keygen`") from exc
        if not isinstance(key, Ed25519PrivateKey):
            raise SignatureError(f"{path} holds a private key that is not ed25519; make one with `python -m export keygen`")
        return cls(key)

    @property
    def public(self) -> PublicKey:
        """The key that checks what this one signs."""
        return PublicKey(self.key.public_key())

    def sign(self, manifest: str | bytes) -> str:
        """`ed25519:<base64>` over a manifest's canonical JSON."""
        return _SCHEME + base64.b64encode(self.key.sign(canonical(manifest))).decode()

    def write(self, path: Path) -> None:
        """Write the key as PEM, readable by its owner only.

        Raises:
            FileExistsError: the file exists; a key is never overwritten.
        """
        pem = self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)


def canonical(manifest: str | bytes) -> bytes:
    """A manifest's JSON with sorted keys and no white space, UTF-8.

    It is the same for file and configuration parameter. It is made of the JSON as written, so that
    a reader that lacks a newer field still checks it.
    """
    return json.dumps(json.loads(manifest), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def read_signatures(model: Path) -> dict[int, str]:
    """The signatures in a model's folder, by version."""
    found = (path for path in model.glob(f"*/{FILE}") if path.parent.name.isdecimal())
    return {int(path.parent.name): path.read_text(encoding="ascii", errors="replace").strip() for path in found}


def signature(config: Any, version: int) -> str | None:
    """A version's signature in a `ModelConfig`'s parameters; None: unsigned."""
    name = f"{SIGNATURE_PARAMETER}{version}"
    return config.parameters[name].string_value if name in config.parameters else None


def check_served(config: Any, version: int, key: PublicKey) -> None:
    """A version's manifest in a `ModelConfig` is signed by the key's owner.

    Raises:
        SignatureError: it is unsigned, altered, or signed with another key.
    """
    key.check(config.parameters[f"{MANIFEST_PARAMETER}{version}"].string_value, signature(config, version))


def _decoded(text: str) -> bytes | None:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == KEY_BYTES else None
