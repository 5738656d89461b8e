"""A request for the prediction of one text, as the demo's steps make it."""

import time
from dataclasses import dataclass

from loadtest.target.client import Client

MODEL = "topics"


class RefusedError(RuntimeError):
    """The gateway refused a request of the demo; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The best label and its score, who answered, what `X-Cache` said, and how long it took."""

    label: str
    score: float
    version: int
    variant: str
    cache: str
    latency_ms: float


def ask(client: Client, text: str, unit_id: str) -> Answer:
    """Predict one text for one unit.

    Raises:
        RefusedError: anything but a prediction came back.
        NoAnswerError: nothing came back.
    """
    started_s = time.perf_counter()
    response = client.predict(MODEL, {"instances": [text]}, {"X-Unit-ID": unit_id})
    latency_ms = (time.perf_counter() - started_s) * 1e3
    if response.status != 200:
        raise RefusedError(f"The gateway refused a prediction: {response.reason}.")
    best = response.body["predictions"][0]
    headers = response.headers
    return Answer(
        best["label"], best["score"], int(headers["x-model-version"]), headers.get("x-variant", ""), headers.get("x-cache", ""), latency_ms
    )
