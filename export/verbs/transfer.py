"""`push` and `pull`: a version to a store and from one."""

import argparse

from export.verbs.arguments import Verbs, add_repository, add_unjudged, add_verb, version_name
from export.verbs.verify import add_public_key, chosen_key

URLS = "s3://bucket/prefix, hf://org/name, file:///folder, or any other URL for which an fsspec file system is installed."


def add(verbs: Verbs) -> None:
    """Add the verbs."""
    verb = add_verb(
        verbs, "push", _push, "write a version to a store", f"Stores: {URLS} A store is a model repository that Triton can serve."
    )
    verb.add_argument("name", type=version_name, metavar="MODEL/VERSION")
    verb.add_argument("url", metavar="URL")
    add_repository(verb)
    verb.add_argument("--force", action="store_true", help="replace another version by this name in the store")
    verb = add_verb(
        verbs, "pull", _pull, "take a version over from a store", f"Stores: {URLS} Everything is checked before it is in the repository."
    )
    verb.add_argument("url", metavar="URL", help="the store, or one version in it (URL/MODEL/VERSION)")
    verb.add_argument("name", nargs="?", type=version_name, metavar="MODEL/VERSION", help="needed where the store holds several")
    add_repository(verb)
    verb.add_argument("--force", action="store_true", help="replace another version by this name in the repository")
    add_unjudged(verb)
    add_public_key(verb)


def _push(args: argparse.Namespace) -> int:
    # file systems take long to import, and only these two verbs need them
    from export.registry.transfer import push

    done = push(args.repository, args.name, args.url, force=args.force)
    print(f"{args.name} is in {args.url}." if done else f"{args.name} is in {args.url} already, the same: nothing to do.")
    return 0


def _pull(args: argparse.Namespace) -> int:
    from export.registry.transfer import choose, pull

    store, name = choose(args.url, args.name)
    pulled = pull(args.repository, store, name, key=chosen_key(args), force=args.force, unjudged=args.unjudged)
    there = f"{name} is in {args.repository}"
    print(f"{there}; `load {name.model}` lets a running Triton serve it." if pulled.done else f"{there} already, the same: nothing to do.")
    if pulled.note:
        print(pulled.note)
    return 0
