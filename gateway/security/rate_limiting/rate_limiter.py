"""Rates and quotas of keys and tenants, across workers and replicas.

Asking Redis for every request would cost as much as the cache's own look-up. So a process leases a
few tokens at a time (a tenth of a second of the rate, a thousandth of a quota) and spends them
without asking. A lease ends after a second, and what is left of it goes back. Tokens leave Redis
before they are spent, so all processes together never spend more than a limit allows; what one
process has leased and does not use, the others lack until it comes back. One round trip renews all
leases of a caller. While Redis is away each process enforces the limits by itself, and a counter
says so.
"""

import asyncio
import math
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from gateway.errors import InvalidRequest, RateLimited, StateUnavailable
from gateway.observability import metrics
from gateway.request.principal import Principal
from gateway.security.rate_limiting.ledger import Ledger, LocalLedger
from gateway.security.rate_limiting.meter import LEASE_S, Account, Meter, meters_of
from gateway.security.rate_limiting.token_bucket import Draw, Grant

IDLE_S = 600.0
T = TypeVar("T")


class _Tenant:
    """A tenant's meters.

    At most one renewal of leases of the tenant and its keys is under way. All requests that waited
    for it go on together.
    """

    __slots__ = ("_renewed", "meters")

    def __init__(self) -> None:
        self.meters: list[Meter] = []
        self._renewed = asyncio.Event()
        self._renewed.set()

    @property
    def renewing(self) -> bool:
        """Whether a renewal is under way."""
        return not self._renewed.is_set()

    async def renewed(self) -> None:
        """Wait for the end of a renewal; the next one may have begun when this returns."""
        await self._renewed.wait()

    def renew(self, renewal: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Renew leases by `renewal`; no other one may be under way."""
        self._renewed.clear()
        task = asyncio.create_task(renewal)
        task.add_done_callback(lambda _: self._renewed.set())
        return task


class _Wish(NamedTuple):
    """Tokens to draw for a meter: `need`, and up to `extra` more."""

    meter: Meter
    need: float
    extra: float


class _Held(NamedTuple):
    """A principal's account, and the tenant with which it shares meters."""

    principal: Principal
    account: Account
    tenant: _Tenant


class RateLimiter:
    """Spends tokens of principals.

    `ledger` counts for all processes. Without one (None: there is no state) each process counts
    alone.
    """

    def __init__(self, ledger: Ledger | None, clock: Callable[[], float]) -> None:
        self._ledger, self._local, self._clock = ledger, LocalLedger(clock), clock
        self._held: dict[str, _Held] = {}
        self._tenants: dict[str, _Tenant] = {}
        self._away = False

    async def take_request(self, principal: Principal) -> None:
        """Spend one request.

        Raises:
            RateLimited: the key or its tenant has none left; the error says when to come again.
        """
        held = self._account(principal)
        if held.account.requests:
            await self._take(held, held.account.requests, 1.0)

    async def take_items(self, principal: Principal, items: int) -> None:
        """Spend items.

        Raises:
            RateLimited: the key or its tenant has too few left; the error says when to come again.
            InvalidRequest: more than the key or the tenant may ever spend at once.
        """
        held = self._account(principal)
        for meter in held.account.items:
            if items > meter.burst:
                raise InvalidRequest(f"{items} items at once are more than the {meter.burst:g} allowed; send them in several requests")
        if held.account.items:
            await self._take(held, held.account.items, float(items))

    def give_back_items(self, principal: Principal, items: int) -> None:
        """Give back items that were spent, because nothing was done for them."""
        # the limits may have changed since; those of `principal` are no longer in force then
        held = self._held.get(principal.id) or self._open(principal)
        now = self._clock()
        for meter in held.account.items:
            meter.give_back(items, now)

    def headers(self, principal: Principal) -> Sequence[tuple[bytes, bytes]]:
        """`x-ratelimit-*` of the limit that is nearest to its end; nothing where none holds."""
        held = self._held.get(principal.id)
        if held is None or not held.account.meters:
            return ()
        now = self._clock()
        nearest, remaining, least = held.account.meters[0], 0.0, math.inf
        for meter in held.account.meters:
            left = meter.remaining(now)
            if left / meter.burst < least:
                nearest, remaining, least = meter, left, left / meter.burst
        return (
            (b"x-ratelimit-limit", b"%d" % nearest.burst),
            (b"x-ratelimit-remaining", b"%d" % remaining),
            (b"x-ratelimit-reset", b"%d" % math.ceil(nearest.reset_s(remaining, now))),
        )

    async def watch(self) -> None:
        """Settle every `LEASE_S` seconds, for ever."""
        while True:
            await asyncio.sleep(LEASE_S)
            await self.settle()

    async def settle(self) -> None:
        """Give back what is left of leases that have ended, and forget principals that are idle."""
        now = self._clock()
        for id_, held in list(self._held.items()):
            meters = held.account.meters
            if any(meter.tokens and now >= meter.fresh_until for meter in meters):
                while held.tenant.renewing:
                    await held.tenant.renewed()
                await held.tenant.renew(self._renew([_Wish(meter, 0.0, 0.0) for meter in meters]))
            if all(now > meter.fresh_until + IDLE_S for meter in meters):
                self._held.pop(id_, None)
        used = {held.principal.tenant for held in self._held.values()}
        self._tenants = {name: tenant for name, tenant in self._tenants.items() if name in used}

    def _account(self, principal: Principal) -> _Held:
        held = self._held.get(principal.id)
        return held if held is not None and held.principal is principal else self._open(principal)

    def _open(self, principal: Principal) -> _Held:
        """The account under the principal's present limits; meters of unchanged limits are kept."""
        before = self._held.pop(principal.id, None)
        own = meters_of(f"{{{principal.tenant}}}:key:{principal.id}", principal.key_limits)
        if before is not None:
            own = _kept(own, before.account.meters)
        tenant = self._tenants.setdefault(principal.tenant, _Tenant())
        tenant.meters = _kept(meters_of(f"{{{principal.tenant}}}:tenant", principal.tenant_limits), tenant.meters)
        meters = own + tenant.meters
        requests, items = (tuple(meter for meter in meters if meter.unit == unit) for unit in ("requests", "items"))
        held = self._held[principal.id] = _Held(principal, Account(requests, items, tuple(meters)), tenant)
        return held

    async def _take(self, held: _Held, meters: tuple[Meter, ...], need: float) -> None:
        """Spend `need` tokens of each meter, or none at all; leases that have too few are renewed.

        Raises:
            RateLimited: a meter has too few left.
        """
        now = self._clock()
        if _spend(meters, need, now):
            return
        while held.tenant.renewing:
            await held.tenant.renewed()
            now = self._clock()
            if _spend(meters, need, now):
                return
        if any(meter.blocks(need, now) for meter in meters):
            raise _refusal(meters, now)
        wishes = [_Wish(meter, need if meter in meters else 0.0, max(meter.extra, meter.tokens)) for meter in held.account.meters]
        renewal = held.tenant.renew(self._renew_and_spend(wishes, meters, need, now))
        try:
            # it goes on when the caller leaves: what was drawn is of all who share these meters
            spent = await asyncio.shield(renewal)
        except asyncio.CancelledError:
            renewal.add_done_callback(partial(_unspend, meters, need, self._clock))
            raise
        if not spent:
            raise _refusal(meters, now)

    async def _renew_and_spend(self, wishes: Sequence[_Wish], meters: tuple[Meter, ...], need: float, now: float) -> bool:
        await self._renew(wishes)
        # Nothing is awaited between the renewal and this. So whoever waited for the renewal comes
        # later and cannot spend what was drawn for this request.
        return _spend(meters, need, now)

    async def _renew(self, wishes: Sequence[_Wish]) -> None:
        """Renew leases in one round trip. The tenant of the meters is in `renewal`."""
        now = self._clock()
        draws = [wish.meter.give_back_and_ask(wish.need, wish.extra, now) for wish in wishes]
        debts = [wish.meter.debt for wish in wishes]
        grants, away = await self._draw(draws, debts)
        for wish, draw, grant in zip(wishes, draws, grants, strict=True):
            wish.meter.hold(draw, grant, now, away=away)

    async def _draw(self, draws: list[Draw], debts: list[float]) -> tuple[list[Grant], bool]:
        """What the buckets grant, and whether this process granted it because Redis is away."""
        if self._ledger is None:
            return await self._local.draw(draws), False
        try:
            # what was spent of a quota while Redis was away is taken off what is given back
            owed = [draw._replace(returned=draw.returned - debt) for draw, debt in zip(draws, debts, strict=True)]
            grants = await self._ledger.draw(owed)
        except StateUnavailable:
            metrics.RATE_LIMITS_LOCAL.inc()
            self._away = True
            return await self._local.draw(draws), True
        if self._away:
            self._local.forget()
            self._away = False
        return grants, False


def _spend(meters: tuple[Meter, ...], need: float, now: float) -> bool:
    for meter in meters:
        if meter.tokens < need or now >= meter.fresh_until:
            return False
    for meter in meters:
        meter.tokens -= need
    return True


def _unspend(meters: tuple[Meter, ...], need: float, clock: Callable[[], float], renewal: "asyncio.Task[bool]") -> None:
    if not renewal.cancelled() and renewal.exception() is None and renewal.result():
        for meter in meters:
            meter.give_back(need, clock())


def _refusal(meters: tuple[Meter, ...], now: float) -> RateLimited:
    blocking = max(meters, key=lambda meter: meter.blocked_until)
    metrics.RATE_LIMITED.labels(blocking.unit, "quota" if blocking.is_quota else "rate").inc()
    wait_s = max(1, math.ceil(blocking.blocked_until - now))
    limit = f"{blocking.burst:g} {blocking.unit} a day" if blocking.is_quota else f"{blocking.rate:g} {blocking.unit}/s"
    return RateLimited(f"the limit of {limit} is reached; try again in {wait_s} s", wait_s)


def _kept(meters: list[Meter], before: Sequence[Meter]) -> list[Meter]:
    """The meters, with an earlier one in place of each whose limit is the same."""
    earlier = {(meter.owner, meter.unit, meter.rate, meter.burst): meter for meter in before}
    return [earlier.get((meter.owner, meter.unit, meter.rate, meter.burst), meter) for meter in meters]
