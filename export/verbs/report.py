"""`report MODEL/VERSION`: where the page is that a reviewer reads before promoting."""

import argparse
import webbrowser

from export import report
from export.errors import ExportError
from export.registry.model_folder import require_version
from export.verbs.arguments import Verbs, add_repository, add_verb, version_name


def add(verbs: Verbs) -> None:
    """Add the verb."""
    verb = add_verb(verbs, "report", _report, "print the path of a version's report", "It is written when the version is exported.")
    verb.add_argument("name", type=version_name, metavar="MODEL/VERSION")
    verb.add_argument("--markdown", action="store_true", help="the one in Markdown, without plots")
    verb.add_argument("--open", action="store_true", help="show it in the browser")
    add_repository(verb)


def _report(args: argparse.Namespace) -> int:
    require_version(args.repository, args.name.model, args.name.version)
    path = (args.repository / str(args.name) / (report.MARKDOWN if args.markdown else report.HTML)).resolve()
    if not path.is_file():
        raise ExportError(f"{args.name} has no report: it was exported without one; export it anew with --force to have it")
    print(path)
    if args.open and not webbrowser.open(path.as_uri()):
        raise ExportError(f"no browser can be started here; open {path} yourself")
    return 0
