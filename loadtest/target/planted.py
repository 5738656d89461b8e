"""Whether the results of an experiment hold the effect that was planted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadtest.target.client import Client
from loadtest.workload.effect import Effect

OK = 200


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of a variant's planted difference to the control.

    `holds`: the interval has it, and the results can be trusted.
    """

    variant: str
    planted: float
    sentence: str
    holds: bool


def found_of(client: Client, effect: Effect) -> list[Found]:
    """What the results say of each variant.

    Raises:
        ValueError: there are no results; the message says why.
        NoAnswerError: no answer came.
    """
    answer = client.get(f"/v1/experiments/{effect.experiment}/results")
    if answer.status != OK:
        raise ValueError(f"there are no results of {effect.experiment}: {answer.reason}")
    comparisons = {
        one["variant"]: one for metric in answer.body["metrics"] if metric["name"] == effect.metric for one in metric["comparisons"]
    }
    trusted = answer.body["srm"]["ok"]
    return [_found(variant, planted, comparisons.get(variant), trusted=trusted) for variant, planted in effect.planted.items()]


def _found(variant: str, planted: float, one: Mapping[str, Any] | None, *, trusted: bool) -> Found:
    if not trusted:
        return Found(variant, planted, "the units' split does not fit the weights", holds=False)
    if one is None or one["interval"] is None:
        return Found(variant, planted, "nothing is known", holds=False)
    low, high = one["interval"]
    holds = (low is None or low <= planted) and (high is None or planted <= high)
    ends = " to ".join("anything" if end is None else f"{end:+.4f}" for end in (low, high))
    return Found(variant, planted, f"found {one['difference']:+.4f}, from {ends}; {one['sentence']}", holds)
