"""`python -m loadtest plan`: what to run and what it costs, from measured results."""

import argparse
import json
from pathlib import Path

from rich.console import Console

from loadtest.cost.prices import PriceError, read_prices
from loadtest.cost.spot import Interruptions, hourly_rate
from loadtest.planning.capacity.bill import SpotTerms, Types
from loadtest.planning.capacity.helm_values import helm_values, render_values
from loadtest.planning.capacity.plan_json import plan_json
from loadtest.planning.capacity.planner import Plan, Shop, Wish, make_plan
from loadtest.planning.capacity.profile import ProfileError, read_profile
from loadtest.planning.capacity.sizing import Aim, SizingError
from loadtest.report.plan_page import render_no_plan, render_plan
from loadtest.verbs.command import command_shown
from loadtest.verbs.exit_status import DONE, FAILED
from loadtest.verbs.plan_tables import confirmation, show
from loadtest.verbs.report_folder import make_folder
from loadtest.verbs.slo_flag import slo_argument

WIDTH = 160
"""The width of tables that go into a pipe: nothing is cut off."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    parser = commands.add_parser(
        "plan",
        allow_abbrev=False,
        help="how many gateways and Triton replicas hold a rate within an SLO, and what they cost",
        description="Sizes a deployment from measured results with a queueing model, checks the model against what was measured, and "
        "shows the arithmetic. loadtest/docs/capacity.md has the model and the form of the results.",
    )
    need = parser.add_argument_group("what is asked for").add_argument
    need("--rate", type=float, required=True, metavar="N", help="requests per second today")
    need("--slo", type=slo_argument, required=True, metavar="TEXT", help="such as 'p99<50ms'")
    results = "measured: capacity profiles, parts of one, or the folder of a sweep"
    need("--results", type=Path, required=True, nargs="+", metavar="PATH", help=results)
    need("--repeat", type=float, default=0.0, metavar="SHARE", help="share of texts that the cache has seen (default %(default)s)")
    need("--growth", type=float, default=1.0, metavar="FACTOR", help="plan for the rate times this (default %(default)s)")
    need("--lost", type=int, default=1, metavar="N", help="gateways or replicas that may be lost with the SLO held (default %(default)s)")
    need(
        "--max-utilization",
        type=float,
        default=0.8,
        metavar="SHARE",
        help="greatest load of a stage with some lost, of its highest throughput (default %(default)s)",
    )
    need("--ttl", type=float, default=3600.0, metavar="S", help="seconds that an answer stays in the cache (default %(default)s)")
    need("--distinct-texts", type=int, metavar="N", help="different texts that there are, where that bounds the cache")
    buy = parser.add_argument_group("what it costs").add_argument
    buy("--triton-instance", metavar="TYPE", help="instance type of the price table for Triton, such as aws/g6.xlarge")
    buy("--gateway-instance", metavar="TYPE", help="instance type for gateways")
    buy("--redis-instance", metavar="TYPE", help="instance type that Redis takes a share of (default: the gateways')")
    buy("--prices", type=Path, metavar="FILE", help="your own prices, in place of or beside the shipped ones (YAML)")
    buy("--spot-interrupted", type=float, default=0.2, metavar="SHARE", help="spot instances taken away per month (default %(default)s)")
    buy("--spot-replace", type=float, default=300.0, metavar="S", help="seconds until another one is warm (default %(default)s)")
    buy("--spot-notice", type=float, default=120.0, metavar="S", help="seconds of warning (default %(default)s)")
    buy("--spot-on-demand-share", type=float, default=0.0, metavar="SHARE", help="of Triton that stays on demand (default %(default)s)")
    write = parser.add_argument_group("what is written").add_argument
    write("--json", type=Path, metavar="FILE", help="the plan as JSON")
    write("--report", type=Path, metavar="DIR", help="folder for plan.html and plan.json")
    write("--values", type=Path, metavar="FILE", help="values for the Helm chart")
    parser.set_defaults(verb=lambda args, arguments: run(args, command_shown(arguments)), parser=parser)


def run(args: argparse.Namespace, command: str) -> int:
    """Plan and show, with `command` in what is written.

    The exit status: 0, or 1 where no number of replicas holds the SLO. Bad arguments exit with 2.
    """
    try:
        plan = _plan(args)
    except SizingError as exc:
        Console(stderr=True, highlight=False, markup=False).print(str(exc), soft_wrap=True)
        try:
            _write_page(args, render_no_plan(str(exc), command))
        except OSError as fault:
            args.parser.error(f"{fault.filename}: {fault.strerror}")
        return FAILED
    except (ProfileError, PriceError, ValueError) as exc:
        args.parser.error(str(exc))
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = WIDTH
    show(console, plan, args.triton_instance)
    try:
        for what, path in _write(args, plan, command):
            console.print(f"{what}  {path}", soft_wrap=True)
    except OSError as exc:
        args.parser.error(f"{exc.filename}: {exc.strerror}")
    return DONE


def _plan(args: argparse.Namespace) -> Plan:
    if (args.triton_instance is None) != (args.gateway_instance is None):
        raise ValueError("--triton-instance and --gateway-instance go together: a bill needs both")
    if args.lost < 0 or not 0 < args.max_utilization < 1:
        raise ValueError("--lost must not be negative, and --max-utilization must be between 0 and 1")
    wish = Wish(args.rate, args.repeat, args.growth, args.ttl, args.distinct_texts)
    return make_plan(read_profile(args.results), wish, Aim(args.slo, args.lost, args.max_utilization), _shop(args))


def _shop(args: argparse.Namespace) -> Shop | None:
    if args.triton_instance is None:
        return None
    taken = Interruptions(hourly_rate(args.spot_interrupted), args.spot_replace, args.spot_notice)
    types = Types(args.triton_instance, args.gateway_instance, args.redis_instance)
    return Shop(types, read_prices(args.prices), SpotTerms(taken, args.spot_on_demand_share))


def _write(args: argparse.Namespace, plan: Plan, command: str) -> list[tuple[str, Path]]:
    """Write the files that were asked for; gives what they are and where."""
    written = []
    text = json.dumps(plan_json(plan, command, args.triton_instance), indent=1) + "\n"
    if args.json is not None:
        args.json.write_text(text, encoding="utf-8")
        written.append(("plan  ", args.json))
    if args.report is not None:
        written.append(("report", _write_page(args, render_plan(plan, args.triton_instance, confirmation(plan), command))))
        (args.report / "plan.json").write_text(text, encoding="utf-8")
    if args.values is not None:
        values = helm_values(plan.profile, plan.today.planned, plan.size.planned, plan.memory, plan.aim.most_utilization)
        heading = f"{command}\n{plan.load.requests_per_s:,.0f} requests/s within {plan.aim.slo} {plan.aim.lost} of either lost"
        args.values.write_text(render_values(values, heading), encoding="utf-8")
        written.append(("values", args.values))
    return written


def _write_page(args: argparse.Namespace, page: str) -> Path:
    """Write plan.html where a report was asked for; gives its path."""
    path: Path = (args.report or Path()) / "plan.html"
    if args.report is not None:
        make_folder(args.report)
        path.write_text(page, encoding="utf-8")
    return path
