"""How often `compare` alarms where nothing changed: pairs of equal runs, and a table of alarms.

    python tests/loadtest/benchmark_equal_pairs.py FOLDER --pairs 40 --duration 12
    python tests/loadtest/benchmark_equal_pairs.py FOLDER --url URL --model topics --corpus FILE

The servers are one that answers after 20 ms, and one of a single worker that takes 20 ms for each
request (M/D/1); with --url a real gateway stands beside them. The runs of all servers take turns. A
run whose report lies in FOLDER is not made again, so that the command goes on where it was ended.
"""

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from loadtest.generator.scripted_process import scripted_server
from loadtest.planning.comparison.comparison import Comparison, compare
from loadtest.planning.comparison.condition import parse_condition
from loadtest.planning.comparison.documents import read_document

SERVERS = {"constant, 20 ms": {"latencies_ms": [[20, 1]]}, "M/D/1, 20 ms": {"latencies_ms": [[20, 1]], "workers": 1}}
CONDITIONS = ("p99>+10%", "p95>+5%", "p50>+5%", "p50>+2%", "mean>+5%", "throughput<-5%", "errors>+0.1pp")
TEXTS = "".join(f"text {number} of some sixty characters, as short news headlines are\n" for number in range(100))


def make_runs(folder: Path, urls: Mapping[str, str], args: argparse.Namespace) -> None:
    """Make the runs that are not there yet: two for each pair and server."""
    corpus = args.corpus
    if corpus is None:
        corpus = folder / "texts.txt"
        corpus.write_text(TEXTS, encoding="utf-8")
    for number in range(2 * args.pairs):
        todo = [(name, _report(folder, name, number)) for name in urls if not _report(folder, name, number).exists()]
        running = [_start(urls[name], corpus, report.parent, number // 2 + 1, args) for name, report in todo if args.at_once]
        for process in running:
            process.wait()
        for name, report in todo:
            if not report.exists():
                _start(urls[name], corpus, report.parent, number // 2 + 1, args).wait()


def _start(url: str, corpus: Path, report: Path, seed: int, args: argparse.Namespace) -> "subprocess.Popen[bytes]":
    load = ["--rate", str(args.rate), "--duration", str(args.duration), "--seed", str(seed), "--repeat", "0", "--shared-machine"]
    asked = ["--url", url, "--model", args.model, "--corpus", str(corpus), "--report", str(report)]
    return subprocess.Popen([sys.executable, "-m", "loadtest", "run", *asked, *load], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def print_table(folder: Path, names: Sequence[str], pairs: int) -> None:
    """How many pairs met each condition: by the estimate, by default, and four a side."""
    for name in names:
        reports = [_report(folder, name, number) for number in range(2 * pairs)]
        found = [read_document(path) for path in reports if path.exists()]
        single = list(zip(found[::2], found[1::2], strict=False))
        print(f"{name}: {len(single)} pairs")
        fours = [single[index : index + 4] for index in range(0, len(single) - 3, 4)]
        of_one = [compare([before], [after]) for before, after in single]
        of_four = [compare([before for before, _ in four], [after for _, after in four]) for four in fours]
        for text in CONDITIONS:
            by_point, by_default, by_four = _alarms(of_one, text, point=True), _alarms(of_one, text), _alarms(of_four, text)
            print(f"  {text:16} --point {by_point:3}   default {by_default:3}   four a side {by_four:3} of {len(of_four)}")


def _alarms(found: Sequence[Comparison], text: str, *, point: bool = False) -> int:
    condition = parse_condition(text)
    return sum(condition.judge(one.differences, point=point) == "met" for one in found if not one.failures)


def _report(folder: Path, name: str, number: int) -> Path:
    return folder / "".join(letter if letter.isalnum() else "-" for letter in name) / f"{number:03}" / "report.json"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--rate", type=float, default=30.0)
    parser.add_argument("--duration", type=float, default=12.0)
    parser.add_argument("--url", help="a real gateway to measure beside the others")
    parser.add_argument("--model", default="topics")
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--at-once", action="store_true", help="load the servers at the same time: quicker, on a busier machine")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as servers:
        urls = {name: servers.enter_context(scripted_server(**script)) for name, script in SERVERS.items()}
        if args.url:
            urls["a real gateway"] = args.url
        make_runs(args.folder, urls, args)
    print_table(args.folder, list(urls), args.pairs)


if __name__ == "__main__":
    main()
