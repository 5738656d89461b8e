"""The Locust user: takes the next request of the workload, sends it, and sends the next one when its answer is there."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import gevent
from locust import FastHttpUser, constant, task

from loadtest.plan import Plan
from loadtest.samples import NO_ANSWER
from loadtest.workload import Request

PAUSE_WITHOUT_ANSWER_S = 0.1
"""How long a user waits after a request that got no answer, so that a server that is down is not called in a tight loop."""


def predict_user(plan: Plan, workload: Iterator[Request]) -> type[FastHttpUser]:
    """The user class of a plan; all its users take their requests from the one workload."""
    path = f"{plan.url.rstrip('/')}/v1/models/{plan.model}:predict"

    class PredictUser(FastHttpUser):  # type: ignore[misc] # locust has no type information
        """Sends predict requests in a closed loop, without think time."""

        host = plan.url
        wait_time = constant(0)
        insecure = False
        connection_timeout = network_timeout = plan.timeout_s

        @task  # type: ignore[untyped-decorator] # locust has no type information
        def predict(self) -> None:
            """Send one request of the workload."""
            request = next(workload)
            response = self.client.post(
                path, data=_body(plan, request), headers=_headers(plan, request), name="predict", context={"request": request}
            )
            if response.status_code == NO_ANSWER:
                gevent.sleep(PAUSE_WITHOUT_ANSWER_S)

    return PredictUser


def _body(plan: Plan, request: Request) -> bytes:
    body: dict[str, Any] = {"instances": request.texts}
    if plan.version is not None:
        body["version"] = plan.version
    return json.dumps(body).encode()


def _headers(plan: Plan, request: Request) -> Mapping[str, str]:
    return {"Content-Type": "application/json", "X-Unit-ID": request.unit_id, **plan.headers}
