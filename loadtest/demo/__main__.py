"""The demo: `python -m loadtest.demo --corpus FILE --report DIR` starts a gateway, shows what it
does, and stops it.
"""

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rich.console import Console
from rich.markup import escape

from loadtest.demo import terminal
from loadtest.demo.asking import MODEL, RefusedError
from loadtest.demo.caching import ask_twice
from loadtest.demo.findings import Findings
from loadtest.demo.load import LoadFailedError, load_gateway
from loadtest.demo.model import describe
from loadtest.demo.outcomes import known_of
from loadtest.demo.page import write_page
from loadtest.demo.predictions import choose, other_texts, predict_with_each_version, read_examples
from loadtest.demo.splitting import split_units
from loadtest.target.client import Client, NoAnswerError
from loadtest.target.gateway_process import GatewayFailedError, running_gateway
from loadtest.workload.corpus import CorpusError

ROOT = Path(__file__).resolve().parents[2]
TEXTS_ASKED_TWICE = 20
DONE, FAILED, INTERRUPTED = 0, 1, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Command line.

    Returns the exit status: 0, 1 with a sentence where something failed, 130 after Ctrl-C.
    """
    args = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console(highlight=False)
    try:
        findings = _run(console, args)
    except (GatewayFailedError, RefusedError, LoadFailedError, NoAnswerError, CorpusError, OSError) as exc:
        print(exc, file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("interrupted; everything is stopped", file=sys.stderr)
        return INTERRUPTED
    page = args.report / "index.html"
    write_page(findings, page)
    console.print()
    for sentence in findings.verdict():
        console.print(f"• {escape(sentence)}")
    console.print(f"\nreport: {escape(str(page))}", soft_wrap=True)
    for fault in findings.faults():
        print(fault, file=sys.stderr)
    return FAILED if findings.faults() else DONE


def _run(console: Console, args: argparse.Namespace) -> Findings:
    examples = read_examples(args.corpus)
    args.report.mkdir(parents=True, exist_ok=True)
    with _started(console, args) as url, Client(url) as client:
        model = describe(client)
        chosen = choose(examples)
        predictions = predict_with_each_version(client, chosen, model.experiment.versions)
        terminal.show_predictions(console, predictions)
        twice = ask_twice(client, other_texts(examples, chosen, TEXTS_ASKED_TWICE))
        terminal.show_twice(console, twice)
        with console.status("asking for 1,000 units …") as status:
            split = split_units(client, model.experiment, examples, status.update)
        known = known_of(client, split.experiment, args.report / "experiment.html")
        terminal.show_split(console, split)
        terminal.show_known(console, known)
        load = load_gateway(url, args.corpus, args.report / "load")
        terminal.show_load(console, load)
        terminal.show_packaged(console, model.packaged)
        console.print("stopping the gateway, Triton and Valkey …")
    return Findings(predictions, twice, split, known, load, model.packaged)


@contextmanager
def _started(console: Console, args: argparse.Namespace) -> Iterator[str]:
    with console.status("starting the gateway …") as status:
        said: list[str] = []

        def show(line: str) -> None:
            status.update(escape(line))
            if not console.is_terminal and line not in said:
                said.append(line)
                console.print(escape(line))

        with running_gateway(args.repository, MODEL, {"HEADRACE_EXPERIMENTS_FILE": str(args.experiments)}, show) as gateway:
            status.stop()
            yield gateway.url


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtest.demo", description=__doc__)
    add = parser.add_argument
    add("--corpus", type=Path, required=True, metavar="FILE", help="JSON Lines with a `text` and its true `label` each")
    add("--report", type=Path, required=True, metavar="DIR", help="folder for index.html, and for the load test's own report")
    add("--repository", type=Path, default=ROOT / "model_repository/models", metavar="DIR", help="model repository (default %(default)s)")
    add("--experiments", type=Path, default=ROOT / "gateway/demo/experiments.yaml", metavar="FILE", help="A/B file (default %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
