"""`verify MODEL/VERSION`: is it what its manifest says?"""

import argparse
import os
import sys

from export.registry.model_folder import require_version
from export.registry.signing import read_public_key
from export.registry.verification import faults
from export.verbs.arguments import Verbs, add_json, add_repository, add_verb, print_json, version_name
from model_repository.signature import PublicKey

KEY_VARIABLE = "HEADRACE_MANIFEST_PUBLIC_KEY"


def add(verbs: Verbs) -> None:
    """Add the verb."""
    verb = add_verb(verbs, "verify", _verify, "check a version's files against its manifest, config.pbtxt and signature")
    verb.add_argument("name", type=version_name, metavar="MODEL/VERSION")
    add_repository(verb)
    add_public_key(verb)
    add_json(verb)


def add_public_key(parser: argparse.ArgumentParser) -> None:
    """`--public-key`: the signature must be by its owner."""
    parser.add_argument(
        "--public-key",
        metavar="KEY",
        default=os.environ.get(KEY_VARIABLE) or None,
        help=f"the signature must fit this ed25519 public key: a file, or base64 (${KEY_VARIABLE}); none: signatures are not checked",
    )


def chosen_key(args: argparse.Namespace) -> PublicKey | None:
    """The key that was given, if any."""
    return read_public_key(args.public_key) if args.public_key else None


def _verify(args: argparse.Namespace) -> int:
    key = chosen_key(args)
    digest = require_version(args.repository, args.name.model, args.name.version).digest
    found = faults(args.repository, args.name.model, args.name.version, key)
    if args.json:
        print_json({"model": args.name.model, "version": args.name.version, "digest": digest, "faults": found})
    else:
        for fault in found:
            print(f"export: {fault}", file=sys.stderr)
        if not found:
            signed = "signed by this key" if key else "its signature was not looked at: no --public-key"
            print(f"{args.name} is what its manifest says: {digest} ({signed}).")
    return 1 if found else 0
