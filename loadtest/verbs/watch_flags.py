"""The command-line flags that say what is watched while a load runs."""

import argparse

from loadtest.observation.process_table import NoProcessError
from loadtest.observation.triton_metrics import MetricsError
from loadtest.observation.watch import Watch
from loadtest.scenario.scenario import Scenario, ScenarioError


def add_watch_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    add = parser.add_argument_group("what is watched meanwhile").add_argument
    add(
        "--watch-pid",
        type=int,
        nargs="+",
        default=[],
        metavar="PID",
        help="processes of this machine, with their descendants; those that listen at --url are found without it",
    )
    add(
        "--triton-metrics",
        nargs="+",
        default=[],
        metavar="URL",
        help="where Tritons show their metrics, such as http://triton:8002/metrics; those among the watched processes are found without it",
    )


def watch_from(args: argparse.Namespace, scenario: Scenario) -> Watch:
    """What the flags ask to watch.

    Raises:
        ScenarioError: one of them is not there.
    """
    try:
        return Watch(scenario.url, args.watch_pid, args.triton_metrics)
    except (NoProcessError, MetricsError) as exc:
        raise ScenarioError(str(exc)) from exc
