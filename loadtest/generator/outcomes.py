"""The outcomes of units, posted while the load runs."""

import json
from collections.abc import Callable, Mapping

from loadtest.target.client import Client, NoAnswerError
from loadtest.workload.effect import Effect, arm_in

BATCH = 100
OK = 200
PAUSE_S = 1.0
ATTEMPTS_AT_THE_END = 5
"""An outcome is taken once its unit's exposure is written, which every gateway does each second."""


class OutcomesError(RuntimeError):
    """The server did not take outcomes; the message says why."""


class Outcomes:
    """What became of units, each once."""

    def __init__(self, effect: Effect, url: str, headers: Mapping[str, str]) -> None:
        self._effect, self._url, self._headers = effect, url, headers
        self._seen: set[str] = set()
        self._waiting: set[str] = set()

    def answered(self, unit: str, headers: Mapping[str, str]) -> None:
        """A unit got an answer with these headers."""
        if unit in self._seen:
            return
        variant = arm_in(headers, self._effect.experiment)
        if variant:
            self._seen.add(unit)
            if self._effect.happens(unit, variant):
                self._waiting.add(unit)

    def post(self) -> None:
        """Post what waits; what the server does not know yet goes on waiting.

        Raises:
            OutcomesError: the server does not take outcomes.
        """
        units = list(self._waiting)
        with Client(self._url, self._headers) as client:
            for start in range(0, len(units), BATCH):
                self._post(client, units[start : start + BATCH])

    def finish(self, pause: Callable[[float], object]) -> None:
        """Post until all are taken; the exposures of the last units are written within a second.

        Raises:
            OutcomesError: some were not taken.
        """
        for _ in range(ATTEMPTS_AT_THE_END):
            self.post()
            if not self._waiting:
                return
            pause(PAUSE_S)
        effect = self._effect
        raise OutcomesError(f"{len(self._waiting)} outcomes were not taken: does {effect.experiment} have the metric {effect.metric}?")

    def _post(self, client: Client, units: list[str]) -> None:
        metric = self._effect.metric
        outcomes = [{"unit": unit, "metric": metric, "value": 1, "key": f"{metric} of {unit}"} for unit in units]
        try:
            status, body = client.post("/v1/outcomes", json.dumps({"outcomes": outcomes}).encode())
        except NoAnswerError as exc:
            raise OutcomesError(f"outcomes were not taken: {exc}") from exc
        if status != OK:
            raise OutcomesError(f"outcomes were not taken, status {status}: {body.decode(errors='replace')[:300]}")
        taken = json.loads(body)
        if taken["stored"] + taken["known"] == len(units):
            self._waiting.difference_update(units)
