"""The load generator, a process of its own.

Locust replaces Python's sockets and threads, and nothing else here should meet that. The process
reads its job as a line of JSON from standard input. It writes lines of JSON to standard output: its
`progress` now and then, its `results` at the end, and, if it is a master, the port on which it is
`listening`.
"""

import json
import logging
import os
import sys
from typing import Any

from loadtest.generator.job import LocalJob, MasterJob, WorkerJob, job_from_dict
from loadtest.generator.local import generate
from loadtest.generator.master import lead
from loadtest.generator.worker import work


def main() -> None:
    """Do the job that comes from standard input."""
    job = job_from_dict(json.loads(sys.stdin.readline()))
    logging.basicConfig(format="%(message)s")
    logging.getLogger("locust").setLevel(logging.ERROR)
    match job:
        case LocalJob():
            generate(job, say)
        case MasterJob():
            lead(job, say)
        case WorkerJob():
            work(job)


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
