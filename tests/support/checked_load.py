"""Clients of two tenants that ask without a pause, and remember every answer so that it can be checked."""

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import numpy as np
from gateway_process import wait_until
from model_alone import TOLERANCE

MODEL = "embeddings"
VERSIONS = (1, 2)
PAUSE_AFTER_FAILURE_S = 0.02
CLIENT_TIMEOUT_S = 30


class Dialect(NamedTuple):
    """How to ask a version for texts, and where its rows are in the answer."""

    path: Callable[[int], str]
    body: Callable[[list[str], int], dict[str, Any]]
    rows: Callable[[Any], Any]


DIALECTS = (
    Dialect(
        lambda version: f"/v1/models/{MODEL}:predict",
        lambda texts, version: {"instances": texts, "version": version},
        lambda answer: answer["predictions"],
    ),
    Dialect(
        lambda version: f"/v2/models/{MODEL}/versions/{version}/infer",
        lambda texts, version: {"inputs": [{"name": "TEXT", "datatype": "BYTES", "shape": [len(texts), 1], "data": texts}]},
        lambda answer: np.reshape(answer["outputs"][0]["data"], answer["outputs"][0]["shape"]),
    ),
    Dialect(
        lambda version: "/v1/embeddings",
        lambda texts, version: {"model": MODEL, "input": texts, "version": version},
        lambda answer: [entry["embedding"] for entry in answer["data"]],
    ),
)
"""KServe v1, Open Inference and OpenAI."""


class Answer(NamedTuple):
    """What a client got: `status` is HTTP's, or the name of the exception where the connection broke."""

    tenant: str
    version: int
    served_by: int | None
    known: list[str]
    fresh: list[str]
    status: int | str
    took_s: float
    cache: str | None
    predictions: Any
    text: str


class CheckedLoad:
    """Two clients of each tenant ask for known texts and for fresh ones, which the clients of each tenant ask for once, by both versions.

    They change the dialect now and then. `answers` has all of them in the order in which they came.
    """

    def __init__(self, url, tenants, known, words, clients=2):
        self.answers = []
        self._url, self._known, self._words = url, known, words
        self._over = threading.Event()
        # equal seeds: what one tenant asks for the other asks for, too
        self._threads = [threading.Thread(target=self._ask, args=(tenant, seed)) for tenant in tenants for seed in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, tenant, seed):
        rng = random.Random(seed)
        with httpx.Client(base_url=self._url, timeout=CLIENT_TIMEOUT_S, headers={"Authorization": f"Bearer {tenant}"}) as client:
            for turn in itertools.count():
                if self._over.is_set():
                    return
                known = rng.sample(self._known, (2, 0, 1)[turn % 3])
                fresh = [self.fresh_text(rng)] if turn % 3 else []
                version = VERSIONS[turn // 3 % 2]
                answer = ask(client, tenant, version, known, fresh, DIALECTS[turn // 6 % 3])
                self.answers.append(answer)
                if answer.status != 200:
                    self._over.wait(PAUSE_AFTER_FAILURE_S)  # a client that is told to come again does not come at once

    def fresh_text(self, rng):
        """A text that nobody has asked for."""
        return " ".join(rng.choices(self._words, k=10))

    @property
    def clients(self):
        """How many ask, each one request at a time."""
        return len(self._threads)

    @property
    def statuses(self):
        """How often each status was seen."""
        return Counter(answer.status for answer in self.answers)

    def sees(self, status, times=8):
        """Wait until so many more answers had this status."""
        before = self.statuses[status]
        wait_until(lambda: self.statuses[status] >= before + times, timeout_s=60)

    def goes_well(self, answers=60):
        """Wait until the latest answers, so many and all of them after now, are good."""
        start = len(self.answers)
        wait_until(
            lambda: len(self.answers) >= start + answers and all(answer.status == 200 for answer in self.answers[-answers:]), timeout_s=60
        )

    def assert_answers_are_the_models_own(self, alone):
        """Every answer has the right rows, and nobody was given from a cache what nobody with that cache had asked for."""
        good = [answer for answer in self.answers if answer.status == 200]
        assert [answer.served_by for answer in good] == [answer.version for answer in good]
        for version in VERSIONS:
            answered = [answer for answer in good if answer.version == version]
            texts = [text for answer in answered for text in answer.known + answer.fresh]
            rows = [row for answer in answered for row in answer.predictions]
            np.testing.assert_allclose(rows, alone.rows(MODEL, version, texts), atol=TOLERANCE, rtol=0)
        assert {answer.cache for answer in good if answer.fresh} <= {"miss", "partial"}


def ask(client, tenant, version, known=(), fresh=(), dialect=DIALECTS[0]):
    """Ask for texts and time it."""
    began_s = time.monotonic()
    try:
        response = client.post(dialect.path(version), json=dialect.body([*known, *fresh], version))
    except httpx.TransportError as exc:
        return Answer(tenant, version, None, list(known), list(fresh), type(exc).__name__, time.monotonic() - began_s, None, None, str(exc))
    took_s = time.monotonic() - began_s
    served_by, cache = response.headers.get("x-model-version"), response.headers.get("x-cache")
    predictions = dialect.rows(response.json()) if response.status_code == 200 else None
    version_served = int(served_by) if served_by else None
    return Answer(
        tenant, version, version_served, list(known), list(fresh), response.status_code, took_s, cache, predictions, response.text
    )
