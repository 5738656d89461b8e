"""The control plane: what the routes do with experiments, of the file and of state."""

from collections.abc import Awaitable, Callable
from typing import Final, Literal, NamedTuple

import structlog

from gateway.catalog.catalog import Default
from gateway.errors import InvalidRequest, NotReady, StateConflict, StateUnavailable
from gateway.experiments import lifecycle
from gateway.experiments.definition import Definition
from gateway.experiments.file import FileExperiments
from gateway.experiments.lifecycle import Change
from gateway.experiments.record import Record, Stored
from gateway.experiments.store import MAX_EVENTS, Event, ExperimentStore
from gateway.experiments.watch import StateExperiments
from gateway.files.watched import Watched
from gateway.request.preconditions import Preconditions

log = structlog.get_logger()
Action = Literal["start", "pause", "stop", "promote", "rollback", "approve"]
NO_STATE: Final = "experiments are kept in Redis and there is none: set HEADRACE_STATE_URL"
UNCONDITIONAL: Final = Preconditions()


class Seen(NamedTuple):
    """What there is: definitions of the file by key, and what state keeps.

    It is `stale` where state did not answer, and this is what was read last.
    """

    file: dict[str, Definition]
    stored: Stored
    stale: bool


class ControlPlane:
    """Shows and changes experiments.

    Without a `store`, only those of the file are there. `default_of` gives the default version of a
    model as it is now. `forget` deletes what was measured of a definition's epoch of this number.
    """

    def __init__(
        self,
        file: Watched[FileExperiments],
        state: StateExperiments,
        store: ExperimentStore | None,
        default_of: Callable[[str], Default],
        forget: Callable[[Definition, int], Awaitable[None]] | None = None,
    ) -> None:
        self._file, self._state, self._store, self._default_of = file, state, store, default_of
        self._forget = forget

    async def seen(self) -> Seen:
        """All experiments, as state keeps them now."""
        file = {definition.key: definition for definition in self._file.current.definitions}
        if self._store is None:
            return Seen(file, Stored(), stale=False)
        try:
            return Seen(file, await self._store.read(), stale=False)
        except StateUnavailable:
            return Seen(file, self._state.current, stale=True)

    async def put(
        self, definition: Definition, by: str, preconditions: Preconditions = UNCONDITIONAL, status: str | None = None
    ) -> tuple[Record, bool]:
        """Make or change an experiment; its record, and whether it was made.

        `status` is what the client takes its status for; None: it does not say.

        Raises:
            InvalidRequest: its status is another one, which no definition changes.
            PreconditionRequired: it would change one without saying which version.
            PreconditionFailed: it is not as the client expects.
            GatewayError: as `lifecycle.put` and `ExperimentStore.change`.
        """
        made = False

        def decide(stored: Stored, now: float) -> Change | None:
            nonlocal made
            before = stored.records.get(definition.key)
            preconditions.check(None if before is None else tag(before))
            if status not in (None, there := "draft" if before is None else before.status):
                raise InvalidRequest(f"status: the experiment is {there}; POST /v1/experiments/{definition.key}:start and so on change it")
            change = lifecycle.put(stored, definition, now)
            if before is not None and change is not None:
                preconditions.require(tag(before))
            made = before is None
            return change

        await self._clear(definition.key, definition)
        return await self._changed(definition.key, by, decide), made

    async def act(
        self, key: str, action: Action, by: str, preconditions: Preconditions = UNCONDITIONAL, variant: str | None = None
    ) -> Record:
        """Start, pause, stop, promote or roll back an experiment, or approve a step; its record.

        `variant` is the one to promote.

        Raises:
            PreconditionFailed: it is not as the client expects.
            GatewayError: as the action in `lifecycle`, and as `ExperimentStore.change`.
        """

        def decide(stored: Stored, now: float) -> Change:
            _check(stored, key, preconditions)
            match action:
                case "start":
                    return lifecycle.start(stored, key, now)
                case "pause":
                    return lifecycle.pause(stored, key)
                case "stop":
                    return lifecycle.stop(stored, key, now)
                case "promote":
                    record = stored.records.get(key)
                    if record is None:
                        raise lifecycle.no_such(stored.records)
                    return lifecycle.promote(stored, key, variant, self._default_of(record.definition.asked_model), now)
                case "rollback":
                    return lifecycle.roll_back(stored, key)
                case "approve":
                    return lifecycle.approve(stored, key)

        if action == "start":
            await self._clear(key)
        return await self._changed(key, by, decide)

    async def delete(self, key: str, by: str, preconditions: Preconditions = UNCONDITIONAL) -> None:
        """Forget an experiment, and what was measured of it; its events stay.

        Raises:
            PreconditionFailed: it is not as the client expects.
            GatewayError: as `lifecycle.delete` and `ExperimentStore.change`.
        """

        def decide(stored: Stored, _now: float) -> Change:
            _check(stored, key, preconditions)
            return lifecycle.delete(stored, key)

        before = (await self._writable(key).read()).records.get(key)
        await self._write(key, by, decide)
        if before is not None and self._forget is not None:
            try:
                for epoch in before.epochs:
                    await self._forget(before.definition, epoch.number)
            except StateUnavailable:
                log.warning("what was measured is left in state until an experiment has this key again", experiment=key)

    async def events(self, key: str, after: str, count: int) -> list[Event]:
        """What was done to an experiment, oldest first.

        Raises:
            NotFound: there is none, and there was none.
            StateUnavailable: state is gone.
            ValueError: `after` is no id of an event.
        """
        store = self._writable(key)
        found = await store.events(key, after, min(count, MAX_EVENTS))
        if not found and not after:
            raise lifecycle.no_such((await store.read()).records)
        return found

    async def _clear(self, key: str, definition: Definition | None = None) -> None:
        """Make room for an epoch, if one opens: at the first start, or with another definition."""
        record = (await self._writable(key).read()).records.get(key)
        if record is None or self._forget is None:
            return
        if definition is None and record.started_at is None:
            await self._forget(record.definition, record.epoch)
        elif definition is not None and record.started_at is not None and lifecycle.opens_epoch(record.definition, definition):
            await self._forget(definition, record.epoch + 1)

    async def _changed(self, key: str, by: str, decide: Callable[[Stored, float], Change | None]) -> Record:
        record = await self._write(key, by, decide)
        assert record is not None  # noqa: S101 - only `delete` leaves none
        return record

    async def _write(self, key: str, by: str, decide: Callable[[Stored, float], Change | None]) -> Record | None:
        record, stored = await self._writable(key).change(key, by, decide)
        await self._state.changed(stored)
        return record

    def _writable(self, key: str) -> ExperimentStore:
        if any(definition.key == key for definition in self._file.current.definitions):
            raise StateConflict(f"experiment {key} is managed by the file HEADRACE_EXPERIMENTS_FILE: change it there")
        if self._store is None:
            raise NotReady(NO_STATE)
        return self._store


def _check(stored: Stored, key: str, preconditions: Preconditions) -> None:
    record = stored.records.get(key)
    if record is not None:
        preconditions.check(tag(record))


def tag(record: Record) -> str:
    """The ETag of a record."""
    return f'"{record.revision}"'
