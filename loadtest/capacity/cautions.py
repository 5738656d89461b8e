"""What speaks against a plan's figures, a sentence each. Pure."""

from loadtest.capacity.checking import TOLERANCE, Check
from loadtest.capacity.planner import Plan
from loadtest.slo import ERRORS


def cautions(plan: Plan, triton_type: str | None) -> list[str]:
    """Sentences; empty where nothing does. `triton_type`: the instance type that is paid for."""
    return [*_checks(plan), *_slo(plan), *_purchase(plan, triton_type)]


def _checks(plan: Plan) -> list[str]:
    if not plan.checks:
        return ["The profile has no measured point, so that the model is unchecked: add `points` from a run at a known rate."]
    return [_disagreement(check) for check in plan.checks if not check.agrees]


def _disagreement(check: Check) -> str:
    where = f"At {check.requests_per_s:,g} requests/s the model"
    if check.predicted_ms is None:
        return f"{where} sees an overload, and {check.metric} was measured as {check.measured_ms:.3g} ms: its service times are too long."
    return (
        f"{where} says {check.metric} {check.predicted_ms:.3g} ms and {check.measured_ms:.3g} ms was measured: "
        f"it misses by more than {TOLERANCE:.0%}, so measure nearer to the planned load before you trust the plan."
    )


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
            f"Measured on {plan.profile.measured.instance} ({plan.profile.measured.cores:g} cores), priced as {triton_type}: "
            "service times differ between machines, so measure on the type that you buy."
        )
    if plan.bill.replicas_per_instance > 1:
        said.append(
            f"An instance holds {plan.bill.replicas_per_instance} replicas: losing one loses them all; --lost says how many may go."
        )
    if plan.bill.spot is None:
        said.append(f"The price table has no spot price of {triton_type}: give one in a file of your own with --prices.")
    return said
