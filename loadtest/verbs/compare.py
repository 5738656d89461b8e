"""`compare`: what changed between two runs or searches, with intervals, and what fails a build."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from loadtest.planning.comparison.comparison import Comparison, compare
from loadtest.planning.comparison.comparison_json import comparison_json
from loadtest.planning.comparison.condition import Condition, ConditionError, parse_condition
from loadtest.planning.comparison.documents import ComparisonError, Document, read_document
from loadtest.planning.comparison.sentence import METHODS, Judged, certainty, change_shown, interval_shown, value_shown, verdict
from loadtest.report.comparison_page import render_comparison
from loadtest.verbs.command import command_shown
from loadtest.verbs.exit_status import DONE, FAILED, UNKNOWN
from loadtest.verbs.report_folder import make_folder

WIDTH = 120


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    parser = commands.add_parser(
        "compare",
        allow_abbrev=False,
        help="say what changed between two runs or searches, with intervals",
        description="Files are report.json of `run` or search.json of `search`, or their folders. Several files a side are paired "
        "by their order. With --fail-if the exit status is 0 where none is met, 1 where one is, 3 where that cannot be told.",
    )
    add = parser.add_argument
    add("files", nargs="*", type=Path, metavar="A.json B.json", help="before and after")
    add("--before", nargs="+", type=Path, default=[], metavar="A.json", help="instead: several runs before")
    add("--after", nargs="+", type=Path, default=[], metavar="B.json", help="and as many after")
    add(
        "--fail-if",
        type=_condition,
        action="append",
        default=[],
        metavar="CONDITION",
        help="p99>+10%%, throughput<-5%%, errors>+0.1pp, p99>60ms, met where the whole 95 %% interval is beyond; may be repeated",
    )
    add("--point", action="store_true", help="fail where the estimate is beyond the bound, though its 95 %% interval may not be")
    add("--allow-unknown", action="store_true", help="exit with 0 instead of 3 where it cannot be told whether a --fail-if is met")
    add("--anyway", action="store_true", help="compare different scenarios all the same")
    add("--json", type=Path, metavar="FILE", help="the comparison as JSON")
    add("--report", type=Path, metavar="DIR", help="folder for compare.html and compare.json")
    parser.set_defaults(verb=lambda args, arguments: run(parser, args, arguments))


def run(parser: argparse.ArgumentParser, args: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Compare and show.

    The exit status: 0, 1 where a condition is met or a file is of a run or search that failed, and
    3 where that cannot be told (with --allow-unknown 0). Files that cannot be compared exit with 2.
    """
    before, after = _sides(parser, args)
    try:
        read = [read_document(path) for path in before], [read_document(path) for path in after]
        comparison = compare(*read, anyway=args.anyway)
        asked = [] if comparison.failures and not comparison.open_failure else args.fail_if
        conditions = [(condition, comparison.judge(condition, point=args.point)) for condition in asked]
    except (ComparisonError, ConditionError) as exc:
        parser.error(str(exc))
    try:
        written = _write(args, comparison, conditions, read, command_shown(arguments))
    except OSError as exc:
        parser.error(f"{exc.filename}: {exc.strerror}")
    _show(comparison, conditions)
    for path in written:
        print(f"report   {path}")
    judged = {judgement for _, judgement in conditions}
    if "met" in judged or (comparison.failures and not comparison.open_failure):
        return FAILED
    if comparison.failures or "unknown" in judged:
        return DONE if args.allow_unknown else UNKNOWN
    return DONE


def _write(
    args: argparse.Namespace, comparison: Comparison, conditions: Judged, read: tuple[Sequence[Document], Sequence[Document]], command: str
) -> list[Path]:
    """Write the files that were asked for; gives those of the report."""
    before, after = ([str(document.path) for document in side] for side in read)
    text = json.dumps(comparison_json(comparison, before, after, conditions, command), indent=1) + "\n"
    if args.json is not None:
        args.json.write_text(text, encoding="utf-8")
    if args.report is None:
        return []
    make_folder(args.report)
    (args.report / "compare.json").write_text(text, encoding="utf-8")
    page = args.report / "compare.html"
    page.write_text(render_comparison(comparison, conditions, *read, command), encoding="utf-8")
    return [page]


def _sides(parser: argparse.ArgumentParser, args: argparse.Namespace) -> tuple[list[Path], list[Path]]:
    if args.before or args.after:
        if args.files or not (args.before and args.after):
            parser.error("--before and --after go together, and without other files")
        return args.before, args.after
    if len(args.files) != 2:
        parser.error("two files are compared, A.json and B.json; several a side are given by --before and --after")
    return args.files[:1], args.files[1:]


def _condition(text: str) -> Condition:
    try:
        return parse_condition(text)
    except ConditionError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


def _show(comparison: Comparison, conditions: Judged) -> None:
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = WIDTH
    console.print(verdict(comparison, conditions).sentence, style="bold", soft_wrap=True)
    if not comparison.failures:
        _show_differences(console, comparison)
    for caution in comparison.cautions:
        console.print(f"Caution: {caution}", soft_wrap=True)


def _show_differences(console: Console, comparison: Comparison) -> None:
    table = Table("", "before", "after", "change", "95 % interval", "")
    for column in table.columns[1:5]:
        column.justify = "right"
    for difference in comparison.differences:
        values = value_shown(difference, difference.before), value_shown(difference, difference.after)
        table.add_row(difference.metric, *values, change_shown(difference), interval_shown(difference), certainty(comparison, difference))
    console.print(table)
    console.print(METHODS[comparison.method] + ".", soft_wrap=True)
