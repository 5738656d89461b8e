"""One Triton, as the pool sees it."""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from gateway.triton.endpoints.breaker import Breaker
from gateway.triton.endpoints.outliers import Record


class Connection(Protocol):
    """A client of one address."""

    async def aclose(self) -> None:
        """Close it."""
        ...


C = TypeVar("C", bound=Connection)


@dataclass(slots=True, eq=False)
class Endpoint(Generic[C]):
    """An address, what it serves, its health, and the calls that it works on; `load` is in items.

    One that is `leaving` is known no more to those who know the addresses: it finishes its calls and gets no others.
    """

    address: str
    connection: C
    serves: frozenset[Hashable] = frozenset()
    breaker: Breaker = field(default_factory=Breaker)
    record: Record = field(default_factory=Record)
    load: int = 0
    calls: "set[asyncio.Task[Any]]" = field(default_factory=set)
    leaving: bool = False

    def takes_calls(self, now_s: float) -> bool:
        """Whether it may be asked."""
        return not self.leaving and self.breaker.lets_through and not self.record.is_ejected(now_s)

    def abandon_calls(self) -> None:
        """End the calls in flight as unanswered: it will not answer them."""
        for call in self.calls:
            call.cancel()
