"""What speaks against a plan's figures, a sentence each. Pure."""

from loadtest.planning.capacity.checking import TOLERANCE, Check
from loadtest.planning.capacity.planner import Plan
from loadtest.results.figures import plural
from loadtest.slo import ERRORS


def cautions(plan: Plan, triton_type: str | None) -> list[str]:
    """The sentences; none where nothing does. `triton_type`: the instance type that is paid for."""
    return [*_measurement(plan), *_checks(plan), *_slo(plan), *_purchase(plan, triton_type)]


def _measurement(plan: Plan) -> list[str]:
    said = [f"The measurement of the profile broke off: {plan.profile.problem}"] if plan.profile.problem else []
    if plan.profile.measured.disturbed:
        said.append(f"The profile was measured on a busy machine: {plan.profile.measured.disturbed} Its times may be the machine's.")
    return said


def _checks(plan: Plan) -> list[str]:
    if not plan.checks:
        return ["The profile has no measured point, so that the model is unchecked: add `points` from a run at a known rate."]
    loads = dict.fromkeys(check.requests_per_s for check in plan.checks if not check.agrees)
    return [_disagreement([check for check in plan.checks if check.requests_per_s == rate and not check.agrees]) for rate in loads]


def _disagreement(checks: list[Check]) -> str:
    where = f"At {checks[0].requests_per_s:,g} requests/s the model"
    if any(check.predicted_ms is None for check in checks):
        return f"{where} sees an overload, and an answer's latency was measured: compare it with what was really achieved."
    missed = ", ".join(f"{check.metric} by {check.error:+.0%}" for check in checks if check.error is not None)
    return f"{where} misses {missed}, more than {TOLERANCE:.0%}: measure nearer to the planned load before you trust the plan."


def _slo(plan: Plan) -> list[str]:
    said = []
    if any(objective.metric == ERRORS for objective in plan.aim.slo.objectives):
        said.append("The queueing model says nothing of errors: a load test at the planned rate does.")
    ceiling = plan.profile.triton.texts_per_s_within_slo
    if ceiling is not None and ceiling.slo != str(plan.aim.slo):
        said.append(f"The measured ceiling is for {ceiling.slo}, not for {plan.aim.slo}, and was left aside.")
    return said


def _purchase(plan: Plan, triton_type: str | None) -> list[str]:
    if triton_type is None or plan.bill is None:
        return ["Without --triton-instance and --gateway-instance nothing is priced."]
    said = []
    if triton_type != plan.profile.measured.instance:
        said.append(
            f"Measured on {plan.profile.measured.instance} ({plural(plan.profile.measured.cores, 'core')}), priced as {triton_type}: "
            "service times differ between machines, so measure on the type that you buy."
        )
    if plan.bill.replicas_per_instance > 1:
        said.append(
            f"An instance holds {plural(plan.bill.replicas_per_instance, 'replica')}: losing one loses all; --lost says how many may go."
        )
    if plan.bill.spot is None:
        said.append(f"The price table has no spot price of {triton_type}: give one in a file of your own with --prices.")
    return said
