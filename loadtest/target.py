"""The gateway before the measurement: whether it serves the model, and its cache made warm for the repeats."""

from collections.abc import Sequence

from loadtest.client import Client, Response
from loadtest.plan import MAX_BATCH_SIZE, Plan

OK, UNAUTHORIZED, NOT_FOUND = 200, 401, 404


class TargetError(RuntimeError):
    """A gateway that cannot be measured as asked; the message is one sentence."""


def versions_to_measure(client: Client, plan: Plan) -> list[int]:
    """The ready versions of the plan's model that requests may reach: the one asked for, or all.

    Raises:
        TargetError: the model or the version is not served.
        NoAnswerError: no answer came.
    """
    response = client.get(f"/v1/models/{plan.model}")
    if response.status == NOT_FOUND:
        raise TargetError(f"The gateway at {plan.url} does not serve {plan.model!r}: {response.reason}")
    if response.status == UNAUTHORIZED:
        raise TargetError(f"The gateway at {plan.url} asks for a key: pass --header 'Authorization: Bearer KEY'.")
    entries = response.body.get("versions") if response.status == OK and isinstance(response.body, dict) else None
    if not isinstance(entries, list):
        raise TargetError(f"The gateway at {plan.url} does not say which versions of {plan.model!r} it has: {response.reason}.")
    ready = [entry["version"] for entry in entries if entry.get("ready")]
    if plan.version is not None and plan.version not in ready:
        raise TargetError(f"Version {plan.version} of {plan.model!r} is not ready at {plan.url}; ready: {ready or 'none'}.")
    if not ready:
        raise TargetError(f"No version of {plan.model!r} is ready at {plan.url}.")
    return ready if plan.version is None else [plan.version]


def warm_cache(client: Client, plan: Plan, pool: Sequence[str], versions: Sequence[int]) -> None:
    """Have each version answer each text of the pool once, so that a repeat hits whatever variant its unit is on.

    Raises:
        TargetError: a prediction was refused.
        NoAnswerError: no answer came.
    """
    for version in versions:
        for start in range(0, len(pool), MAX_BATCH_SIZE):
            response = client.predict(plan.model, {"instances": pool[start : start + MAX_BATCH_SIZE], "version": version})
            _require_ok(response, plan, version)


def _require_ok(response: Response, plan: Plan, version: int) -> None:
    if response.status != OK:
        raise TargetError(f"Version {version} of {plan.model!r} at {plan.url} does not answer: {response.reason}.")
