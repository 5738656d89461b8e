"""`compare`: what changed between two runs or searches, with intervals, and what fails a build."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from loadtest.planning.comparison.comparison import PAIRS, SEARCHES, SECONDS_APART, SECONDS_PAIRED, Comparison, compare
from loadtest.planning.comparison.comparison_json import comparison_json
from loadtest.planning.comparison.condition import Condition, ConditionError, Judgement, parse_condition
from loadtest.planning.comparison.difference import Difference
from loadtest.planning.comparison.documents import ComparisonError, read_document
from loadtest.planning.comparison.runs import BETWEEN_RUNS, BETWEEN_RUNS_MS
from loadtest.results.figures import milliseconds, number
from loadtest.verbs.exit_status import DONE, FAILED, UNKNOWN
from loadtest.verbs.run import command_shown

WIDTH = 120
ALLOWED = (
    f"{BETWEEN_RUNS:.0%} and {BETWEEN_RUNS_MS:g} ms of latency for what one run a side cannot show, how runs vary: "
    "--before and --after take several"
)
NEEDED = {
    SECONDS_PAIRED: "give several runs a side, measured in turn: --before A1 A2 A3 A4 --after B1 B2 B3 B4",
    SECONDS_APART: "give several runs a side, measured in turn: --before A1 A2 A3 A4 --after B1 B2 B3 B4",
    PAIRS: "give more or longer runs a side",
    SEARCHES: "search with a smaller --resolution, or give several searches a side",
}
METHODS = {
    SECONDS_PAIRED: f"95 % intervals by drawing blocks of seconds, in pairs, and {ALLOWED}",
    SECONDS_APART: "95 % intervals by drawing blocks of seconds of each run apart, since they were not sent the same in the same seconds, "
    f"and {ALLOWED}",
    PAIRS: "95 % intervals by Student's t over the pairs",
    SEARCHES: "95 % intervals from those of the searches",
}


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    parser = commands.add_parser(
        "compare",
        allow_abbrev=False,
        help="say what changed between two runs or searches, with intervals",
        description="Files are report.json of `run` or search.json of `search`, or their folders. Several files a side are paired "
        "by their order. The exit status is 1 where a --fail-if is met.",
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
    add("--strict", action="store_true", help="exit with 3 where a --fail-if cannot be told")
    add("--anyway", action="store_true", help="compare different scenarios all the same")
    add("--json", type=Path, metavar="FILE", help="the comparison as JSON")
    parser.set_defaults(verb=lambda args, arguments: run(parser, args, arguments))


def run(parser: argparse.ArgumentParser, args: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Compare and show.

    The exit status: 0, or 1 where a condition is met or a file is of a run or search that failed;
    with --strict 3 where a condition cannot be told. Files that cannot be compared exit with 2.
    """
    before, after = _sides(parser, args)
    try:
        comparison = compare([read_document(path) for path in before], [read_document(path) for path in after], anyway=args.anyway)
        asked = [] if comparison.failures else args.fail_if
        conditions = [(condition, comparison.judge(condition, point=args.point)) for condition in asked]
        if args.json is not None:
            values = comparison_json(comparison, list(map(str, before)), list(map(str, after)), conditions, command_shown(arguments))
            args.json.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    except (ComparisonError, ConditionError) as exc:
        parser.error(str(exc))
    except OSError as exc:
        parser.error(f"--json {args.json}: {exc.strerror}")
    _show(comparison, conditions)
    judged = {judgement for _, judgement in conditions}
    if comparison.failures or "met" in judged:
        return FAILED
    return UNKNOWN if args.strict and "unknown" in judged else DONE


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


def _show(comparison: Comparison, conditions: Sequence[tuple[Condition, Judgement]]) -> None:
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = WIDTH
    for failed in comparison.failures:
        console.print(f"Nothing to compare in {failed}", style="bold", soft_wrap=True)
    if not comparison.failures:
        _show_differences(console, comparison, conditions)
    for caution in comparison.cautions:
        console.print(f"Caution: {caution}", soft_wrap=True)


def _show_differences(console: Console, comparison: Comparison, conditions: Sequence[tuple[Condition, Judgement]]) -> None:
    console.print(_verdict(comparison, conditions), style="bold", soft_wrap=True)
    table = Table("", "before", "after", "change", "95 % interval", "")
    for column in table.columns[1:5]:
        column.justify = "right"
    for difference in comparison.differences:
        said = "within chance" if difference.change_interval is not None else "too few to tell"
        if difference.certain:
            said = "differs" if comparison.is_clear else "cannot tell"
        table.add_row(
            difference.metric, _value(difference, difference.before), _value(difference, difference.after), *_change(difference), said
        )
    console.print(table)
    console.print(METHODS[comparison.method] + ".", soft_wrap=True)


def _verdict(comparison: Comparison, conditions: Sequence[tuple[Condition, Judgement]]) -> str:
    certain = [f"{difference.metric} {_change(difference)[0]}" for difference in comparison.differences if difference.certain]
    said = f"Different: {', '.join(certain)}." if certain else "No difference that could not be chance."
    if certain and not comparison.is_clear:
        said = f"Cannot tell what the systems differ in; as measured, they differ in {', '.join(certain)}."
    by_judgement = {
        judgement: ", ".join(condition.text for condition, judged in conditions if judged == judgement)
        for judgement in ("met", "unknown", "not met")
    }
    if by_judgement["met"]:
        return f"FAILED ({by_judgement['met']}). {said}"
    if by_judgement["unknown"]:
        needed = NEEDED[comparison.method] if comparison.is_clear else "measure again when the machine is quiet, or several runs a side"
        return f"CANNOT TELL ({by_judgement['unknown']}): chance or the machine may have done it; {needed}. {said}"
    return f"Passed ({by_judgement['not met']}). {said}" if conditions else said


def _value(difference: Difference, value: float) -> str:
    if difference.kind == "latency":
        return milliseconds(value)
    if difference.kind == "share":
        return f"{value:.2%}"
    return f"{value:,.3g} USD" if difference.kind == "price" else f"{number(value)}/s"


def _change(difference: Difference) -> tuple[str, str]:
    def shown(change: float) -> str:
        return f"{change * 100:+.2f} pp" if difference.kind == "share" else f"{change:+.1%}"

    interval = difference.change_interval
    return shown(difference.change), "" if interval is None else f"{shown(interval.low)} … {shown(interval.high)}"
