"""One worker of all gateways looks at experiments: it moves ramps and weights, and keeps looks.

It holds a lease in state, which ends soon after its death. A worker that was stopped and goes on
while another leads does no harm: what it moves, it moves only from where it was seen, in one step
with its line in the events.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import structlog

from gateway.errors import GatewayError, StateUnavailable
from gateway.evaluation import history
from gateway.evaluation.bandit import next_weights
from gateway.evaluation.found import Results
from gateway.evaluation.looks import measured, results_of
from gateway.evaluation.ramping import ramp_look
from gateway.experiments import lifecycle
from gateway.experiments.definition import Bandit, Definition
from gateway.experiments.ramp import RampState, looked_at
from gateway.experiments.record import Record, Stored
from gateway.experiments.store import ExperimentStore
from gateway.measurement.layout import layout_of
from gateway.observability import metrics
from gateway.state.lease import Lease
from gateway.state.state import State

log = structlog.get_logger()
LOOK_INTERVAL_S: Final = 3.0
LEASE_S: Final = 9.0
"""With a look each 3 s, another worker leads at most 12 s after the death of a leader."""
BY: Final = "ramp"
BANDIT: Final = "bandit"
"""Who moves ramps and weights, as the events name it."""


class _Kept(NamedTuple):
    """When the first and the last look at an experiment were kept."""

    first_at: float | None
    last_at: float | None


class Leader:
    """Looks at experiments while it holds the lease: those of state, and those `of_file`.

    `clock` gives seconds since 1970.
    """

    def __init__(
        self,
        state: State,
        store: ExperimentStore,
        token: str,
        clock: Callable[[], float],
        of_file: Callable[[], Sequence[Definition]] = tuple,
    ) -> None:
        self._state, self._store, self._clock, self._of_file = state, store, clock, of_file
        self._lease = Lease(state, "experiments", token, LEASE_S)
        self._leads = False
        self._kept: dict[str, _Kept] = {}

    def __repr__(self) -> str:
        return f"<Leader {'leads' if self._leads else 'waits'}>"

    async def watch(self) -> None:
        """Look every few seconds, for ever."""
        while True:
            await asyncio.sleep(LOOK_INTERVAL_S)
            await self.look()

    async def look(self) -> None:
        """Look once, if this worker leads or may begin to; what fails is tried again next time."""
        try:
            # counted from before it asked: it stops before the lease ends
            until_s = asyncio.get_running_loop().time() + LEASE_S
            self._lead(await self._lease.take() is not None)
            if not self._leads:
                return
            of_file = {definition.key: definition for definition in self._of_file()}
            of_state = [record for record in (await self._store.read()).running() if record.key not in of_file]
            # ramps first: harm must end soon
            of_state.sort(key=lambda record: record.ramp is None)
            running: list[Record | Definition] = [*of_state, *of_file.values()]
            self._kept = {one.key: await self._kept_of(one.key) for one in running}
            for one in running:
                if asyncio.get_running_loop().time() < until_s:
                    await self._look_alone(one)
        except StateUnavailable:
            self._lead(False)

    async def give_up(self) -> None:
        """Let another worker lead at once."""
        if self._leads:
            self._lead(False)
            with contextlib.suppress(StateUnavailable):  # then the lease ends by itself
                await self._lease.give_up()

    async def _kept_of(self, key: str) -> _Kept:
        """When looks were kept; what a leader before kept is read once."""
        if key in self._kept:
            return self._kept[key]
        looks = await history.kept(self._state, key)
        return _Kept(looks[0].at, looks[-1].at) if looks else _Kept(None, None)

    async def _look_alone(self, one: Record | Definition) -> None:
        """Look at one experiment; a fault of it does not keep the others from being looked at.

        Raises:
            StateUnavailable: state does not answer.
        """
        try:
            await self._look_at(one)
            if isinstance(one, Record) and one.definition.bandit is not None:
                await self._move_weights(one, one.definition.bandit)
        except StateUnavailable:
            raise
        except GatewayError as exc:
            log.warning("an experiment was not looked at", experiment=one.key, reason=exc.message)
        except Exception:
            log.exception("an experiment was not looked at", experiment=one.key)

    async def _look_at(self, one: Record | Definition) -> None:
        now, kept = self._clock(), self._kept[one.key]
        due = history.is_due(kept.first_at or now, kept.last_at, now)
        ramp = one.ramp if isinstance(one, Record) else None
        if ramp is None and not due:
            return
        found = await results_of(self._state, one, now)
        if due:
            await history.keep(self._state, one.key, history.look_at(found))
            self._kept[one.key] = _Kept(kept.first_at or now, now)
        if isinstance(one, Record) and ramp is not None:
            await self._move(one, ramp, found, now)

    async def _move_weights(self, record: Record, bandit: Bandit) -> None:
        """Give a bandit's arms other weights, where its interval is over."""
        now, layout = self._clock(), layout_of(record.definition)
        if now - record.epochs[-1].opened_at < bandit.interval:
            return
        weights = next_weights(
            record.definition, bandit, layout, await measured(self._state, record.definition, layout, record.epochs), now
        )
        if weights is None:
            return

        def decide(stored: Stored, now: float) -> lifecycle.Change | None:
            return lifecycle.move_weights(stored, record.key, record.definition, weights, now)

        await self._store.change(record.key, BANDIT, decide)
        log.info("bandit moved", experiment=record.key, weights=dict(weights))

    async def _move(self, record: Record, before: RampState, found: Results, now: float) -> None:
        ramp = record.definition.ramp
        if ramp is None:
            return
        after, sentence = looked_at(ramp, before, ramp_look(found), now)
        if after is before:
            return

        def decide(stored: Stored, _now: float) -> lifecycle.Change | None:
            return lifecycle.move_ramp(stored, record.key, before, after)

        await self._store.change(record.key, BY, decide)
        level = log.error if after.phase == "rolled back" else log.info
        level("ramp moved", experiment=record.key, phase=after.phase, coverage=after.coverage(ramp), why=sentence)

    def _lead(self, leads: bool) -> None:
        if leads is not self._leads:
            log.info("leads the experiments" if leads else "no longer leads the experiments")
        self._leads = leads
        metrics.LEADS.set(1 if leads else 0)
