"""`keygen` and `sign`: signed manifests."""

import argparse
from pathlib import Path

from export.errors import ExportError
from export.registry import rollout, signing
from export.verbs.arguments import Verbs, add_repository, add_triton, add_verb, told, triton_note, version_name
from model_repository.signature import PrivateKey


def add(verbs: Verbs) -> None:
    """Add the verbs."""
    verb = add_verb(verbs, "keygen", _keygen, "make a pair of ed25519 keys", "The public key is written to FILE.pub, and printed.")
    verb.add_argument("file", type=Path, metavar="FILE", help="where the private key goes (PEM); keep it where versions are signed only")
    verb = add_verb(verbs, "sign", _sign, "sign a version's manifest")
    verb.add_argument("name", type=version_name, metavar="MODEL/VERSION")
    verb.add_argument("--key", type=Path, required=True, metavar="FILE", help="ed25519 private key (PEM, see `keygen`)")
    add_repository(verb)
    add_triton(verb)


def _keygen(args: argparse.Namespace) -> int:
    key, public = PrivateKey.generate(), args.file.with_name(f"{args.file.name}.pub")
    for path in (public, args.file):
        if path.exists():
            raise ExportError(f"{path} is there already; keys are not overwritten: choose another name")
    try:
        key.write(args.file)
        public.write_text(f"{key.public}\n", encoding="ascii")
    except OSError as exc:
        raise ExportError(f"{exc.filename} cannot be written: {exc.strerror}") from exc
    print(f"private key: {args.file}\npublic key:  {key.public} ({public})")
    return 0


def _sign(args: argparse.Namespace) -> int:
    key = signing.read_private_key(args.key)
    signing.sign(args.repository, args.name.model, args.name.version, key)
    with told(args, args.name.model) as triton:
        if triton:
            rollout.apply(args.repository, args.name.model, triton)
        note = triton_note(triton, args.name.model)
    print(f"{args.name} is signed (public key {key.public}). {note}")
    return 0
