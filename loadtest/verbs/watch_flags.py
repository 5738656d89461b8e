"""The command-line flags that say what is watched while a load runs."""

import argparse

from loadtest.observation.process_table import NoProcessError, Process
from loadtest.observation.triton_metrics import MetricsError
from loadtest.observation.watch import Watch
from loadtest.scenario.scenario import Scenario, ScenarioError


def add_watch_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    add = add_machine_flags(parser).add_argument
    add(
        "--triton-metrics",
        nargs="+",
        action="extend",
        default=[],
        metavar="URL",
        help="where Tritons show their metrics, such as http://triton:8002/metrics; those among the watched processes are found without it",
    )


def add_machine_flags(parser: argparse.ArgumentParser) -> "argparse._ArgumentGroup":
    """Add the flags that say what else runs on this machine; gives their group."""
    group = parser.add_argument_group("what is watched meanwhile")
    group.add_argument(
        "--watch-pid",
        type=_pid,
        nargs="+",
        action="extend",
        default=[],
        metavar="PID",
        help="processes of this machine that are part of the system under test, with their descendants, such as a Triton, a Redis or a "
        "container of its own: what they take is not other work; those that listen at --url are found without it",
    )
    group.add_argument(
        "--shared-machine",
        action="store_true",
        help="take other work on this machine for a part of what is measured, and do not look at it",
    )
    return group


def _pid(text: str) -> int:
    try:
        return Process(int(text)).pid
    except NoProcessError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"{text!r} is no process id") from exc


def watch_from(args: argparse.Namespace, scenario: Scenario) -> Watch:
    """What the flags ask to watch.

    Raises:
        ScenarioError: one of them is not there.
    """
    try:
        return Watch(scenario.url, args.watch_pid, args.triton_metrics)
    except (NoProcessError, MetricsError) as exc:
        raise ScenarioError(str(exc)) from exc
