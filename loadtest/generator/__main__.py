"""The load generator, a process of its own: Locust replaces Python's sockets and threads, which nothing else here should meet.

Reads its job as a line of JSON from standard input; writes lines of JSON to standard output: its `progress`,
and last its `results`; a master also where it is `listening`.
"""

import json
import logging
import os
import sys
from typing import Any

from loadtest.generator.local import generate
from loadtest.generator.master import lead
from loadtest.generator.worker import work
from loadtest.scenario.scenario import Scenario


def main() -> None:
    """Do the job that standard input names."""
    job: dict[str, Any] = json.loads(sys.stdin.readline())
    logging.basicConfig(format="%(message)s")
    logging.getLogger("locust").setLevel(logging.ERROR)
    match job["role"]:
        case "local":
            generate(Scenario.from_dict(job["scenario"]), job["web_ui_port"], say)
        case "master":
            lead(Scenario.from_dict(job["scenario"]), job["host"], job["port"], job["web_ui_port"], say)
        case _:
            work(job["host"], job["port"])


def say(**values: Any) -> bool:
    """Write a line; False where nobody reads it any more."""
    try:
        sys.stdout.write(json.dumps(values) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # what is still buffered must not fail again when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


if __name__ == "__main__":
    main()
