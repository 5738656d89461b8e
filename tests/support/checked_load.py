"""Clients of several tenants that send requests without a pause and keep the answers for checks."""

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
from reference_model import TOLERANCE

MODEL = "embeddings"
VERSIONS = (1, 2)
PAUSE_AFTER_FAILURE_S = 0.02
CLIENT_TIMEOUT_S = 30


class Dialect(NamedTuple):
    """The path and body that ask a version for texts, and where the rows are in its response."""

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
    """A request and the response to it.

    `status` is HTTP's, or the name of the exception if the connection broke.
    """

    tenant: str
    version: int
    served_by: int | None
    cached: list[str]
    fresh: list[str]
    status: int | str
    took_s: float
    cache_status: str | None
    predictions: Any
    text: str


class CheckedLoad:
    """Some clients of each tenant send requests, to both versions and in changing dialects.

    They ask for cached texts and for fresh ones, each of which the clients of a tenant ask for
    once. `answers` holds all answers in the order of arrival.
    """

    def __init__(self, url, tenants, cached, words, clients=2):
        self.answers = []
        self._url, self._cached, self._words = url, cached, words
        self._over = threading.Event()
        # equal seeds: all tenants ask for the same texts
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
                cached = rng.sample(self._cached, (2, 0, 1)[turn % 3])
                fresh = [self.fresh_text(rng)] if turn % 3 else []
                version = VERSIONS[turn // 3 % 2]
                answer = ask(client, tenant, version, cached, fresh, DIALECTS[turn // 6 % 3])
                self.answers.append(answer)
                if answer.status != 200:
                    self._over.wait(PAUSE_AFTER_FAILURE_S)  # a refused client does not retry at once

    def fresh_text(self, rng):
        """A text that no client has asked for."""
        return " ".join(rng.choices(self._words, k=10))

    @property
    def clients(self):
        """The number of clients; each sends one request at a time."""
        return len(self._threads)

    @property
    def statuses(self):
        """The number of answers by status."""
        return Counter(answer.status for answer in self.answers)

    def wait_for_status(self, status, times=8):
        """Wait until so many more answers had this status."""
        before = self.statuses[status]
        wait_until(lambda: self.statuses[status] >= before + times)

    def wait_until_healthy(self, answers=60):
        """Wait until the latest `answers`, all of which came after this call, have status 200."""
        start = len(self.answers)
        wait_until(lambda: len(self.answers) >= start + answers and all(answer.status == 200 for answer in self.answers[-answers:]))

    def assert_answers_of_the_model(self, reference):
        """Check that every answer has the reference's rows.

        Also check that no cache held a text before a client that uses this cache had asked for it.
        """
        good = [answer for answer in self.answers if answer.status == 200]
        assert [answer.served_by for answer in good] == [answer.version for answer in good]
        for version in VERSIONS:
            answered = [answer for answer in good if answer.version == version]
            texts = [text for answer in answered for text in answer.cached + answer.fresh]
            rows = [row for answer in answered for row in answer.predictions]
            np.testing.assert_allclose(rows, reference.rows(MODEL, version, texts), atol=TOLERANCE, rtol=0)
        assert {answer.cache_status for answer in good if answer.fresh} <= {"miss", "partial"}


def ask(client, tenant, version, cached=(), fresh=(), dialect=DIALECTS[0]):
    """Ask for texts, and measure how long the answer takes."""
    began_s = time.monotonic()
    try:
        response = client.post(dialect.path(version), json=dialect.body([*cached, *fresh], version))
    except httpx.TransportError as exc:
        return Answer(
            tenant, version, None, list(cached), list(fresh), type(exc).__name__, time.monotonic() - began_s, None, None, str(exc)
        )
    took_s = time.monotonic() - began_s
    served_by, cache_status = response.headers.get("x-model-version"), response.headers.get("x-cache")
    predictions = dialect.rows(response.json()) if response.status_code == 200 else None
    version_served = int(served_by) if served_by else None
    return Answer(
        tenant, version, version_served, list(cached), list(fresh), response.status_code, took_s, cache_status, predictions, response.text
    )
