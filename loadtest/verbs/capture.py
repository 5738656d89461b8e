"""`capture`: a trace from a gateway's log, to be replayed by `run --arrivals trace:FILE`."""

import argparse
import sys
from pathlib import Path

from loadtest.results.figures import plural
from loadtest.verbs.exit_status import DONE, FAILED
from loadtest.workload.capture import CaptureError, capture


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    parser = commands.add_parser(
        "capture",
        allow_abbrev=False,
        help="make a trace of a gateway's log, to be replayed",
        description="The log holds no texts: a replay takes those of a corpus, with the recorded starts, numbers of texts and cache hits.",
    )
    parser.add_argument("log", type=Path, metavar="GATEWAY_LOG", help="the gateway's log, a JSON object a line")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="TRACE", help="file for the trace, JSON Lines")
    parser.add_argument("--model", help="only the requests of this model")
    parser.set_defaults(verb=lambda args, _: run(args.log, args.output, args.model))


def run(log: Path, output: Path, model: str | None) -> int:
    """Write the trace; the exit status: 0, or 1 with a sentence where it cannot be made."""
    try:
        with log.open(encoding="utf-8") as lines:
            rows = capture(lines, model)
        output.write_text("".join(row.to_json() + "\n" for row in rows), encoding="utf-8")
    except (CaptureError, UnicodeDecodeError) as exc:
        print(f"{log}: {exc}", file=sys.stderr)
        return FAILED
    except OSError as exc:
        print(f"{exc.filename}: {exc.strerror}", file=sys.stderr)
        return FAILED
    duration_s = rows[-1].start_s
    texts, hits = sum(row.texts for row in rows), sum(row.hits for row in rows)
    rate = f", {len(rows) / duration_s:,.1f} a second" if duration_s else ""
    seen = f"{plural(len(rows), 'request')} over {duration_s:,.1f} s{rate}; {plural(texts, 'text')}"
    print(f"{seen}, {hits / texts:.1%} from the cache: {output}")
    return DONE
