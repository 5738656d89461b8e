"""`worker`: send a part of the load of a master on another machine."""

import argparse
import sys

from loadtest.generator.job import Address, WorkerJob
from loadtest.generator.measure import generator
from loadtest.verbs.exit_status import DONE, FAILED, INTERRUPTED

DEFAULT_PORT = 5557


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    parser = commands.add_parser(
        "worker",
        allow_abbrev=False,
        help="send a part of the load of a master on another machine",
        description="Takes everything from the master, corpus and headers too: start it anywhere, before or after `run --master`.",
    )
    parser.add_argument("--master-host", required=True, metavar="HOST", help="where `run --master` is")
    parser.add_argument("--master-port", type=int, default=DEFAULT_PORT, metavar="PORT", help="its port (default %(default)s)")
    parser.set_defaults(verb=lambda args, _: run(args.master_host, args.master_port))


def run(host: str, port: int) -> int:
    """Work for one load test; the exit status: 0, 1 where it failed, 130 after Ctrl-C."""
    try:
        with generator(WorkerJob(Address(host, port)), stdout=sys.stderr.fileno()) as process:
            return DONE if process.wait() == 0 else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
