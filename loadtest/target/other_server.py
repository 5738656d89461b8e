"""A server that is not Headrace before a measurement: whether it answers in the dialect at all."""

import json
from collections.abc import Sequence

from loadtest.target.client import Client
from loadtest.target.readiness import TargetError
from loadtest.workload.dialects import BY_NAME, error_in, fault_in
from loadtest.workload.server import OTHER
from loadtest.workload.workload import Target, Workload

OK = 200
OPEN_INFERENCE = "open-inference"


def send_once(client: Client, url: str, workload: Workload, texts: Sequence[str]) -> None:
    """Have each target answer each of the texts once, so that a cache, if there is one, has them.

    Raises:
        TargetError: an answer is not one, or the dialect cannot ask for a target's version.
        NoAnswerError: no answer came.
    """
    size = 1 if workload.trace is not None else min(size.texts for size in workload.batch_sizes)
    for target in workload.targets:
        if target.version is not None and workload.dialect != OPEN_INFERENCE:
            raise TargetError(
                f"The server at {url} is not Headrace, and {workload.dialect} asks no other server for a version: "
                f"leave {target.version} out, or ask in --dialect {OPEN_INFERENCE}."
            )
        for start in range(0, len(texts), size):
            _send(client, url, workload.dialect, target, texts[start : start + size])


def _send(client: Client, url: str, name: str, target: Target, texts: Sequence[str]) -> None:
    dialect = BY_NAME[name]
    path = dialect.path(target, OTHER)
    status, content = client.post(path, dialect.body(target, [json.dumps(text, ensure_ascii=False).encode() for text in texts]))
    if status != OK:
        said = error_in(content)
        fault = f"status {status}" + (f", {said}" if said else "")
    else:
        fault = fault_in(dialect, content, len(texts), target.output)
    if fault:
        raise TargetError(f"The server at {url} is not Headrace, and does not answer {name} at {path}: {fault}.")
