"""How often `compare` alarms where nothing changed, and where something did: pairs of runs.

    python tests/loadtest/benchmark_equal_pairs.py FOLDER --pairs 40
    python tests/loadtest/benchmark_equal_pairs.py FOLDER --url URL --model topics --corpus FILE

The servers are one that answers after 20 ms, and one of a single worker that takes 6 ms for each
request (M/D/1: at 100 requests/s it is busy for 60 % of the time); with --url a real gateway stands
beside them. A third server answers after 24 ms: the runs of it are held against those of 20 ms, so
that a fifth more latency should be found. By default a run has some 1,100 requests, 11 of which
stand behind p99. The runs of all servers take turns. A run whose report lies in FOLDER is not made
again, so that the command goes on where it was ended.
"""

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from loadtest.generator.scripted_process import scripted_server
from loadtest.planning.comparison.comparison import Comparison, compare
from loadtest.planning.comparison.condition import parse_condition
from loadtest.planning.comparison.documents import read_document

BEFORE, SLOWER = "constant, 20 ms", "constant, 24 ms"
SERVERS = {
    BEFORE: {"latencies_ms": [[20, 1]]},
    "M/D/1, 6 ms": {"latencies_ms": [[6, 1]], "workers": 1},
    SLOWER: {"latencies_ms": [[24, 1]]},
}
CONDITIONS = ("p99>+10%", "p95>+5%", "p50>+5%", "p50>+2%", "mean>+5%", "throughput<-5%", "errors>+0.1pp")
TEXTS = "".join(f"text {number} of some sixty characters, as short news headlines are\n" for number in range(100))


def make_runs(folder: Path, urls: Mapping[str, str], args: argparse.Namespace) -> None:
    """Make the runs that are not there yet: two for each pair and server."""
    corpus = args.corpus
    if corpus is None:
        corpus = folder / "texts.txt"
        corpus.write_text(TEXTS, encoding="utf-8")
    for number in range(2 * args.pairs):
        # the slower server is only ever the one after
        asked = [(name, _report(folder, name, number)) for name in urls if name != SLOWER or number % 2]
        todo = [(name, report) for name, report in asked if not report.exists()]
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


def print_table(folder: Path, sides: Sequence[tuple[str, str]], pairs: int) -> None:
    """How each condition was judged, for a server before and one after, which may be the same.

    The columns are how many pairs met it by the estimate alone, how many by the interval alone,
    whatever hid the systems meanwhile, how many by default, in how many it could not be told, and
    the latter two of four pairs a side.
    """
    for before, after in sides:
        single = [
            (read_document(one), read_document(other))
            for one, other in ((_report(folder, before, 2 * number), _report(folder, after, 2 * number + 1)) for number in range(pairs))
            if one.exists() and other.exists()
        ]
        behind = [document.results.latency.behind["p99"] for pair in single for document in pair if document.results is not None]
        late = sum(document.results is not None and not document.results.kept_up for pair in single for document in pair)
        print(f"{before if before == after else f'{before} and {after}'}: {len(single)} pairs, at least {min(behind, default=0)} requests")
        print(f"  behind p99, {late} runs with a generator that was behind")
        fours = [single[index : index + 4] for index in range(0, len(single) - 3, 4)]
        of_one = [compare([one], [other]) for one, other in single]
        of_four = [compare([one for one, _ in four], [other for _, other in four]) for four in fours]
        for text in CONDITIONS:
            point, one, four = _judged(of_one, text, point=True), _judged(of_one, text), _judged(of_four, text)
            interval = sum(parse_condition(text).judge(pair.differences) == "met" for pair in of_one if pair.differences)
            print(
                f"  {text:16} --point {point['met']:3}   interval {interval:3}   default {one['met']:3}, cannot tell {one['unknown']:3}   "
                f"four a side, of {len(of_four)}: {four['met']:3}, cannot tell {four['unknown']:3}"
            )


def _judged(found: Sequence[Comparison], text: str, *, point: bool = False) -> Counter[str]:
    condition = parse_condition(text)
    return Counter(one.judge(condition, point=point) for one in found)


def _report(folder: Path, name: str, number: int) -> Path:
    return folder / "".join(letter if letter.isalnum() else "-" for letter in name) / f"{number:03}" / "report.json"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--duration", type=float, default=11.0)
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
    print_table(args.folder, [*((name, name) for name in urls if name != SLOWER), (BEFORE, SLOWER)], args.pairs)


if __name__ == "__main__":
    main()
