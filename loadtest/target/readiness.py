"""The gateway before a measurement: whether it serves the model, and how its cache is warmed."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from loadtest.target.client import Client, Response
from loadtest.workload.workload import Target

OK, UNAUTHORIZED, NOT_FOUND = 200, 401, 404
WARM_UP_TEXTS = 8
"""Of a request that warms the cache: so few that two busy cores answer them in the client's time,
long documents too."""


class TargetError(RuntimeError):
    """A gateway cannot be measured as asked; the message is one sentence."""


def versions_to_measure(client: Client, url: str, target: Target) -> list[int]:
    """The ready versions of the target's model that requests may reach: the one asked for, or all.

    Raises:
        TargetError: the model or the version is not served.
        NoAnswerError: no answer came.
    """
    if not target.model:
        raise TargetError(f"The gateway at {url} serves models by their names: pass --model, one of {url}/v1/models.")
    response = client.get(f"/v1/models/{quote(target.model)}")
    if response.status == NOT_FOUND:
        raise TargetError(f"The gateway at {url} does not serve {target.model!r}: {response.reason}; {url}/v1/models lists what it serves.")
    if response.status == UNAUTHORIZED:
        raise TargetError(f"The gateway at {url} asks for a key: pass --header 'Authorization: Bearer KEY'.")
    entries = response.body.get("versions") if response.status == OK and isinstance(response.body, dict) else None
    if not isinstance(entries, list):
        raise TargetError(
            f"The gateway at {url} does not say which versions of {target.model!r} it has: {response.reason}; "
            "pass --server other if it is not Headrace."
        )
    ready = [entry["version"] for entry in entries if entry.get("ready")]
    if target.version is not None and target.version not in ready:
        raise TargetError(f"Version {target.version} of {target.model!r} is not ready at {url}; ready: {ready or 'none'}.")
    if not ready:
        raise TargetError(f"No version of {target.model!r} is ready at {url}.")
    return ready if target.version is None else [target.version]


def warm_cache(client: Client, url: str, model: str, instances: Sequence[Any], versions: Sequence[int]) -> None:
    """Have each version answer each of the instances once.

    A repeat is then a hit, whichever variant its unit is on.

    Raises:
        TargetError: a prediction was refused.
        NoAnswerError: no answer came.
    """
    for version in versions:
        for start in range(0, len(instances), WARM_UP_TEXTS):
            _require_ok(
                client.predict(model, {"instances": instances[start : start + WARM_UP_TEXTS], "version": version}), url, model, version
            )


def _require_ok(response: Response, url: str, model: str, version: int) -> None:
    if response.status != OK:
        raise TargetError(f"Version {version} of {model!r} at {url} does not answer: {response.reason}.")
