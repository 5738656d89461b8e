"""One Triton as the pool sees it."""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from gateway.triton.endpoints.breaker import Breaker
from gateway.triton.endpoints.outliers import Record


class EndpointClient(Protocol):
    """A client of one address."""

    async def aclose(self) -> None:
        """Close its connections."""
        ...


C = TypeVar("C", bound=EndpointClient)


@dataclass(slots=True, eq=False)
class Endpoint(Generic[C]):
    """An address, what it serves, its health, and its calls in flight; `load` counts their items.

    Discovery no longer finds an endpoint that is `leaving`: it finishes its calls and gets no
    others.
    """

    address: str
    client: C
    serves: frozenset[Hashable] = frozenset()
    breaker: Breaker = field(default_factory=Breaker)
    record: Record = field(default_factory=Record)
    load: int = 0
    calls: "set[asyncio.Task[Any]]" = field(default_factory=set)
    leaving: bool = False

    def takes_calls(self, now_s: float) -> bool:
        """Whether a call may be sent to it."""
        return not self.leaving and self.breaker.lets_through and not self.record.is_ejected(now_s)

    def abandon_calls(self) -> None:
        """Cancel the calls in flight, which it will not answer."""
        for call in self.calls:
            call.cancel()
