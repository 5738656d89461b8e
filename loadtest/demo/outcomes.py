"""What the demo tells the gateway of answers, and what the gateway then knows of the versions."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from loadtest.demo.asking import RefusedError
from loadtest.target.client import Client

METRIC = "right"
OK = 200


class Judged(NamedTuple):
    """A unit, and whether its answer has the true label."""

    unit: str
    right: bool


def tell(client: Client, judged: Sequence[Judged]) -> None:
    """Post the outcomes of units.

    Raises:
        RefusedError: the gateway did not take all of them.
        NoAnswerError: no answer came.
    """
    outcomes = [{"unit": one.unit, "metric": METRIC, "value": int(one.right), "key": one.unit} for one in judged]
    status, body = client.post("/v1/outcomes", json.dumps({"outcomes": outcomes}).encode())
    taken: int = json.loads(body)["stored"] if status == OK else 0
    if taken != len(outcomes):
        raise RefusedError(f"The gateway took {taken} of {len(outcomes)} outcomes: {body.decode(errors='replace')}")


class Known(NamedTuple):
    """What the gateway says of an experiment in one sentence, and its page, saved as a file."""

    sentence: str
    page: Path


def known_of(client: Client, experiment: str, page: Path) -> Known:
    """Ask for the results of an experiment, and save its page.

    Raises:
        RefusedError: the gateway has no results.
        NoAnswerError: no answer came.
    """
    results = client.get(f"/v1/experiments/{experiment}/results")
    status, text = client.text(f"/experiments/{experiment}?copy=1")
    if results.status != OK or status != OK:
        raise RefusedError(f"The gateway has no results of {experiment}: {results.reason}.")
    page.write_text(text, encoding="utf-8")
    return Known(results.body["sentence"], page)
