"""The pool of endpoints: probes them, chooses among them, retries and hedges calls.

It depends on no protocol: a call is a function of an endpoint's client.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Generic, TypeVar

import structlog

from gateway.admission.retry_after import retry_after_s
from gateway.errors import GatewayError, NotReady, Overloaded, Unreachable
from gateway.observability import metrics
from gateway.triton.endpoints.breaker import State
from gateway.triton.endpoints.choice import less_loaded_of_two
from gateway.triton.endpoints.discovery import Discovery
from gateway.triton.endpoints.endpoint import C, Endpoint
from gateway.triton.endpoints.latencies import Latencies
from gateway.triton.endpoints.outcome import Outcome, outcome_of
from gateway.triton.endpoints.outliers import Outliers
from gateway.triton.endpoints.retry_budget import RetryBudget

log = structlog.get_logger()
T = TypeVar("T")
SAFE_TO_RETRY = (NotReady, Overloaded)
"""The call was refused, or its connection broke.

A call that timed out is not retried: its time is over, and the server may still be working on it.
"""


class Endpoints(Generic[C]):
    """The endpoints that `discovery` finds; `client_of` makes the client of an address.

    The share `retry_share` of the calls may be retried with another endpoint. With a
    `hedge_percentile` (0 to 100), a call that takes longer than that percentile of calls of its
    size is also sent to a second endpoint, out of the same budget, and the first result counts.
    """

    def __init__(
        self, discovery: Discovery, client_of: Callable[[str], C], *, retry_share: float = 0.1, hedge_percentile: float | None = None
    ) -> None:
        self._discovery, self._client_of = discovery, client_of
        self._hedge_percentile = hedge_percentile
        self._endpoints: dict[str, Endpoint[C]] = {}
        self._now = asyncio.get_running_loop().time
        self._outliers = Outliers(self._now())
        self._budget = RetryBudget(retry_share, self._now())
        self._latencies = Latencies()

    async def refresh(self, probe: Callable[[C], Awaitable[T]]) -> dict[str, T | GatewayError]:
        """Look up the addresses, probe each endpoint and eject outliers.

        Returns what each probe gave, or its error, by address. An endpoint that is leaving is still
        probed while calls are in flight there, but is left out of the result.
        """
        await self._reconcile(await self._discovery.addresses())
        endpoints = list(self._endpoints.values())
        results = await asyncio.gather(*(self._probe(endpoint, probe) for endpoint in endpoints))
        records = {endpoint.address: endpoint.record for endpoint in endpoints if not endpoint.leaving}
        for address, reason in self._outliers.judge(records, self._now()).items():
            log.warning("endpoint ejected", address=address, reason=reason)
            metrics.EJECTIONS.labels(reason).inc()
        self._measure()
        return {endpoint.address: result for endpoint, result in zip(endpoints, results, strict=True) if not endpoint.leaving}

    def serve(self, routes: Mapping[str, frozenset[Hashable]]) -> None:
        """Set what each address serves; an address that is not in `routes` serves nothing."""
        for address, endpoint in self._endpoints.items():
            endpoint.serves = routes.get(address, frozenset())

    @property
    def open(self) -> set[str]:
        """The addresses whose circuit breaker is open."""
        return {address for address, endpoint in self._endpoints.items() if endpoint.breaker.state is State.OPEN}

    async def call(self, what: Hashable, items: int, timeout_s: float, send: Callable[[C, float], Awaitable[T]]) -> T:
        """Send a call for so many items to an endpoint that serves `what`.

        `send` gets the endpoint's client and the seconds that are left.

        Raises:
            NotReady: no endpoint serves it now.
            GatewayError: what `send` raises.
        """
        deadline_s = self._now() + timeout_s
        self._budget.earn()
        tried: set[str] = set()
        while True:
            endpoint = self._choose(what, tried)
            try:
                return await self._hedged(endpoint, what, items, deadline_s, send)
            except SAFE_TO_RETRY as exc:
                tried.add(endpoint.address)
                now_s = self._now()
                if now_s >= deadline_s or not self._candidates(what, tried) or not self._budget.spend(now_s):
                    raise
                metrics.RETRIES.labels(type(exc).__name__).inc()

    async def aclose(self) -> None:
        """Close all connections; calls in flight fail."""
        for endpoint in self._endpoints.values():
            endpoint.abandon_calls()
            await endpoint.client.aclose()
        self._endpoints.clear()

    async def _reconcile(self, addresses: list[str]) -> None:
        for address in addresses:
            if address not in self._endpoints:
                self._endpoints[address] = Endpoint(address, self._client_of(address))
        for address, endpoint in list(self._endpoints.items()):
            endpoint.leaving = address not in addresses
            if endpoint.leaving and not endpoint.calls:
                await self._endpoints.pop(address).client.aclose()

    async def _probe(self, endpoint: Endpoint[C], probe: Callable[[C], Awaitable[T]]) -> T | GatewayError:
        try:
            result = await probe(endpoint.client)
        except NotReady as exc:
            self._failed(endpoint)
            return exc
        except GatewayError as exc:
            endpoint.breaker.probed(self._now())
            return exc
        endpoint.breaker.probed(self._now())
        return result

    def _failed(self, endpoint: Endpoint[C]) -> None:
        before = endpoint.breaker.state
        endpoint.breaker.failed(self._now())
        if endpoint.breaker.state is State.OPEN and before is not State.OPEN:
            log.warning("endpoint does not answer, nothing is sent to it", address=endpoint.address, calls=len(endpoint.calls))
            metrics.EJECTIONS.labels("silence").inc()
            endpoint.abandon_calls()
            self._measure()

    def _candidates(self, what: Hashable, tried: set[str]) -> list[Endpoint[C]]:
        now_s = self._now()
        return [e for e in self._endpoints.values() if what in e.serves and e.address not in tried and e.takes_calls(now_s)]

    def _choose(self, what: Hashable, tried: set[str]) -> Endpoint[C]:
        if candidates := self._candidates(what, tried):
            return less_loaded_of_two(candidates, random.sample)
        now_s = self._now()
        rests_s = [endpoint.breaker.reopens_in_s(now_s) for endpoint in self._endpoints.values()]
        wait_s = retry_after_s(min(rests_s, default=0) + 1, random.random())  # noqa: S311 - spreads retries, guards nothing
        raise NotReady("no model server answers for this version now; try again later", wait_s)

    async def _hedged(
        self, endpoint: Endpoint[C], what: Hashable, items: int, deadline_s: float, send: Callable[[C, float], Awaitable[T]]
    ) -> T:
        delay_s = None if self._hedge_percentile is None else self._latencies.percentile_s(items, self._hedge_percentile)
        if delay_s is None:
            return await self._attempt(endpoint, items, deadline_s, send)
        first = asyncio.create_task(self._attempt(endpoint, items, deadline_s, send))
        attempts = {first}
        try:
            await asyncio.wait(attempts, timeout=delay_s)
            others = self._candidates(what, {endpoint.address})
            if not first.done() and others and self._budget.spend(self._now()):
                metrics.HEDGES.inc()
                attempts.add(asyncio.create_task(self._attempt(less_loaded_of_two(others, random.sample), items, deadline_s, send)))
            return await _first_result(attempts)
        finally:
            for attempt in attempts:
                attempt.cancel()
            await asyncio.gather(*attempts, return_exceptions=True)

    async def _attempt(self, endpoint: Endpoint[C], items: int, deadline_s: float, send: Callable[[C, float], Awaitable[T]]) -> T:
        began_s = self._now()
        call = asyncio.ensure_future(send(endpoint.client, max(deadline_s - began_s, 0.001)))
        endpoint.breaker.began()
        endpoint.load += items
        endpoint.calls.add(call)
        outcome = Outcome.WITHDRAWN
        try:
            result = await call
            outcome = Outcome.ANSWERED
            return result
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # the caller goes on: the call was abandoned when the breaker opened
            raise Unreachable("the model server stopped answering; try again later") from None
        except GatewayError as exc:
            outcome = outcome_of(exc)
            raise
        finally:
            self._book(endpoint, outcome, items, self._now() - began_s)
            endpoint.load -= items
            endpoint.calls.discard(call)

    def _book(self, endpoint: Endpoint[C], outcome: Outcome, items: int, took_s: float) -> None:
        """Count a call of so many items in the endpoint's breaker and record, as `Outcome` says."""
        breaker, record = endpoint.breaker, endpoint.record
        if outcome is Outcome.ANSWERED:
            breaker.answered()
            record.succeeded(took_s)
            self._latencies.add(items, took_s)
        elif outcome is Outcome.REFUSED:
            breaker.answered()
        elif outcome is Outcome.BROKEN:
            breaker.answered()
            record.failed += 1
        elif outcome is Outcome.LATE:
            breaker.silent(self._now())
            record.failed += 1
        elif outcome is Outcome.UNREACHABLE:
            self._failed(endpoint)
        else:
            breaker.withdrawn()

    def _measure(self) -> None:
        states = [
            "ejected" if endpoint.record.is_ejected(self._now()) else endpoint.breaker.state.value for endpoint in self._endpoints.values()
        ]
        for state in ("closed", "half-open", "open", "ejected"):
            metrics.ENDPOINTS.labels(state).set(states.count(state))


async def _first_result(attempts: "set[asyncio.Task[T]]") -> T:
    """The first result; an exception only if no attempt is left that may still give a result."""
    pending = set(attempts)
    while True:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for attempt in done:
            if not pending or attempt.exception() is None:
                return attempt.result()
