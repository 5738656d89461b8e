"""Clients that send requests without a pause while the context is entered."""

import collections
import threading
import uuid

import httpx
from gateway_process import wait_until


class Load:
    """So many clients; `statuses` counts the responses by status.

    A broken connection counts under the name of its exception.
    """

    def __init__(self, url, clients=4, timeout_s=30, version=2, headers=None):
        self.statuses = collections.Counter()
        self.faults = []
        self._url, self._timeout_s, self._headers = url, timeout_s, headers
        self._version = version
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def _ask(self):
        with httpx.Client(timeout=self._timeout_s, headers=self._headers) as client:
            while not self._over.is_set():
                try:
                    answer = client.post(self._url, json={"instances": [uuid.uuid4().hex], "version": self._version})
                except httpx.TransportError as exc:
                    self.statuses[type(exc).__name__] += 1
                    continue
                self.statuses[answer.status_code] += 1
                if answer.status_code != 200:
                    self.faults.append(answer)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        wait_until(lambda: self.statuses[200] > 0)
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def wait_for_answers(self, answers=40):
        """Wait until so many more requests were answered with status 200."""
        before = self.statuses[200]
        wait_until(lambda: self.statuses[200] >= before + answers)
