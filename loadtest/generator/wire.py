"""Requests as the bytes that go over the wire.

Everything that does not change between requests is encoded once.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple
from urllib.parse import urlsplit

from loadtest.scenario.scenario import Scenario
from loadtest.workload import dialects
from loadtest.workload.draws import Draw, draws


class WireRequest(NamedTuple):
    """One request: its bytes, and what is needed to judge its response.

    `output` is the name of the output tensor that must answer; "": the first, or none. `unit` is
    the unit that it is for.
    """

    payload: bytes
    model: str
    texts: int
    repeats: int
    output: str = ""
    unit: str = ""


class Renderer:
    """Renders draws as requests."""

    def __init__(self, scenario: Scenario, corpus: Sequence[str]) -> None:
        workload = scenario.workload
        self._dialect = dialects.BY_NAME[workload.dialect]
        self._targets = workload.targets
        self._heads = [_head(scenario.url, self._dialect.path(target, scenario.server), scenario.headers) for target in workload.targets]
        # each text as a JSON string without its last quote, up to where the tag begins
        self._openings = [json.dumps(f"{text} {scenario.salt}", ensure_ascii=False).encode()[:-1] for text in corpus]

    def render(self, draw: Draw) -> WireRequest:
        """The request of a draw."""
        target = self._targets[draw.target]
        openings = self._openings
        body = self._dialect.body(target, [openings[index] + tag.encode() + b'"' for index, tag in draw.items])
        payload = b"%sX-Unit-ID: %s\r\nContent-Length: %d\r\n\r\n%s" % (self._heads[draw.target], draw.unit_id.encode(), len(body), body)
        return WireRequest(payload, target.model, len(draw.items), draw.repeats, target.output, draw.unit_id)


def wire_requests(scenario: Scenario, corpus: Sequence[str], worker: int = 0, workers: int = 1) -> Iterator[WireRequest]:
    """Every `workers`-th request of a scenario, from number `worker` on.

    All workers together send exactly the requests of the scenario.
    """
    return map(Renderer(scenario, corpus).render, islice(draws(scenario.workload, corpus, scenario.seed), worker, None, workers))


def _head(url: str, path: str, headers: Mapping[str, str]) -> bytes:
    parts = urlsplit(url)
    given = {name.lower() for name in headers}  # an ingress finds its host by the one that is given
    own = {"Host": parts.netloc, "Content-Type": "application/json"}
    sent = {name: value for name, value in own.items() if name.lower() not in given} | dict(headers)
    lines = [f"POST {parts.path.rstrip('/')}{path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")
