"""Experiments in state: read whole, and changed one action at a time.

A change and its audit line are written by one script before it is acknowledged. It is written only
if nothing else has changed since it was decided, so what one experiment may do beside others is
decided once for all gateways.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, NamedTuple

import orjson
import structlog

from gateway.errors import NotDurable, StateConflict
from gateway.experiments.lifecycle import Change
from gateway.experiments.record import REVISION, Record, Stored, default_field, pack_default, pack_record, record_field, unpack
from gateway.state.state import NewEntry, State

log = structlog.get_logger()
NAME: Final = "{headrace:experiments}"
MAX_EVENTS: Final = 1000
"""Of each experiment, the newest."""
_ATTEMPTS: Final = 10
ACCEPT: Final = "HEADRACE_STATE_MAY_LOSE_WRITES=true"


class Event(NamedTuple):
    """A line of an experiment's audit: who did what, and what the record was before and after."""

    id: str
    by: str
    action: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    @property
    def at(self) -> float:
        """When, by the server's clock, in seconds since 1970."""
        return int(self.id.partition("-")[0]) / 1e3


class ExperimentStore:
    """Reads and changes experiments; every method raises `StateUnavailable` where state is gone.

    `may_lose_writes` accepts state that may lose what it acknowledged. `clock` gives seconds since
    1970.
    """

    def __init__(self, state: State, clock: Callable[[], float], *, may_lose_writes: bool = False) -> None:
        self._state, self._clock, self._may_lose_writes = state, clock, may_lose_writes

    @property
    def fault(self) -> str | None:
        """Why experiments are not changed in this state; None where they are."""
        durability = self._state.durability
        if durability.keeps or self._may_lose_writes:
            return None
        return f"state may lose an experiment that it acknowledged: {durability.sentence}; or accept this with {ACCEPT}"

    async def revision(self) -> int:
        """The revision of all experiments; 0 before the first change."""
        [[raw]] = (await self._state.hash_get({NAME: [REVISION]})).values()
        return int(raw or b"0")

    async def read(self) -> Stored:
        """All experiments and default versions."""
        return unpack(await self._state.hash_items(NAME))

    async def change(self, key: str, by: str, decide: Callable[[Stored, float], Change | None]) -> tuple[Record | None, Stored]:
        """Decide on what is stored now, and write it, in one step for all gateways.

        `decide` gets what is stored and the time; None changes nothing. It is called again where
        somebody else was faster. Gives the experiment's record (None: it is gone), and all that is
        stored then.

        Raises:
            NotDurable: state may lose what it acknowledged.
            StateConflict: others keep changing experiments.
            GatewayError: as `decide`.
        """
        await self._require_durable()
        for _ in range(_ATTEMPTS):
            fields = await self._state.hash_items(NAME)
            before = unpack(fields)
            if key in before.unreadable:
                raise StateConflict(f"experiment {key} was written by a later release, which must change it")
            now = self._clock()
            change = decide(before, now)
            if change is None:
                return before.records[key], before
            after = _after(before, key, change, now)
            changes = {name: (fields.get(name.encode()), new) for name, new in _fields(after, key, change).items()}
            entry = _line(before.records.get(key), after.records.get(key), change.action, by)
            if await self._state.hash_replace_with_audit(NAME, changes, NewEntry(_events(key), entry, MAX_EVENTS)) is not None:
                log.info("experiment changed", experiment=key, action=change.action, by=by, revision=after.revision)
                return after.records.get(key), after
        raise StateConflict("experiments are being changed by others; try again")

    async def events(self, key: str, after: str = "", count: int = MAX_EVENTS) -> list[Event]:
        """The audit of an experiment, oldest first, from behind the event `after` on.

        It is still there when the experiment is deleted.

        Raises:
            ValueError: `after` is no id of an event.
        """
        return [_event(entry.id, entry.fields) for entry in await self._state.stream_read(_events(key), after, count)]

    async def _require_durable(self) -> None:
        if self.fault is not None:
            await self._state.check()  # it may be set right by now
        if (fault := self.fault) is not None:
            raise NotDurable(fault)


def _after(before: Stored, key: str, change: Change, now: float) -> Stored:
    revision = before.revision + 1
    records, defaults = dict(before.records), dict(before.defaults)
    if change.after is None:
        del records[key]
    else:
        records[key] = replace(change.after, revision=revision, changed_at=now)
        if change.default is not None:
            defaults[change.after.definition.asked_model] = change.default
    return Stored(revision, records, defaults, before.unreadable)


def _fields(after: Stored, key: str, change: Change) -> dict[str, bytes | None]:
    """The fields of state's hash that the change writes; None: it removes them."""
    record = after.records.get(key)
    fields = {REVISION: b"%d" % after.revision, record_field(key): None if record is None else pack_record(record)}
    if record is not None and change.default is not None:
        fields[default_field(record.definition.asked_model)] = pack_default(change.default)
    return fields


def _line(before: Record | None, after: Record | None, action: str, by: str) -> dict[str, bytes]:
    documents = {"before": before, "after": after}
    known = {name: orjson.dumps(record.document()) for name, record in documents.items() if record is not None}
    return {"by": by.encode(), "action": action.encode(), **known}


def _event(id_: str, fields: Any) -> Event:
    documents = (orjson.loads(fields[name]) if name in fields else None for name in ("before", "after"))
    return Event(id_, fields["by"].decode(), fields["action"].decode(), *documents)


def _events(key: str) -> str:
    return f"{NAME}:events:{key}"
