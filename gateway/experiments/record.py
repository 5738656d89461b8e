"""What state keeps of experiments: a record of each, and the default versions that they promoted.

Everything is at one revision, which grows by one with each change. A record carries the revision at
which it changed last, so this never comes back, even if an experiment is deleted and made again.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

import orjson

from gateway.catalog.catalog import Default
from gateway.experiments.definition import Definition, read
from gateway.experiments.ramp import RampState

Status = Literal["draft", "running", "paused", "stopped"]
REVISION: Final = "revision"
READ_ONLY: Final = (
    "status",
    "epoch",
    "epochs",
    "revision",
    "managed_by",
    "created_at",
    "changed_at",
    "started_at",
    "stopped_at",
    "promotion",
    "ramp_state",
    "warnings",
)
"""What is shown beside a definition; a client may send it back, and it changes nothing."""
_RECORD, _DEFAULT = "experiment:", "default:"


@dataclass(frozen=True, slots=True)
class Promotion:
    """What an experiment promoted, and the default that was there before."""

    variant: str
    version: int
    before: Default


@dataclass(frozen=True, slots=True)
class Epoch:
    """What units were assigned to from `opened_at` on: the variants' names, with their weights and
    with what they showed, such as `topics/2`.
    """

    number: int
    opened_at: float
    weights: Mapping[str, float]
    shown: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, number: int, opened_at: float, definition: Definition) -> "Epoch":
        """The epoch that a definition opens."""
        weights = {variant.name: variant.weight for variant in definition.variants}
        return cls(number, opened_at, weights, {one.name: f"{definition.model_of(one)}/{one.version}" for one in definition.variants})

    def document(self) -> dict[str, Any]:
        """The epoch as JSON."""
        return {"number": self.number, "opened_at": self.opened_at, "weights": dict(self.weights), "shown": dict(self.shown)}


@dataclass(frozen=True, slots=True)
class Record:
    """An experiment in state; times are in seconds since 1970.

    `epoch` grows when what units are assigned to changes after the start: results are counted by
    epoch. `epochs` are all of them, the last one being the present one; none before the start.
    `ramp` is where the ramp is, None before the start and without a ramp.
    """

    definition: Definition
    status: Status
    epoch: int
    revision: int
    created_at: float
    changed_at: float
    started_at: float | None = None
    stopped_at: float | None = None
    promotion: Promotion | None = None
    epochs: tuple[Epoch, ...] = ()
    ramp: RampState | None = None

    @property
    def coverage(self) -> float:
        """The share of the units that take part now."""
        ramp = self.definition.ramp
        return self.definition.coverage if ramp is None or self.ramp is None else self.ramp.coverage(ramp)

    @property
    def key(self) -> str:
        """The experiment's key."""
        return self.definition.key

    def document(self) -> dict[str, Any]:
        """The record as JSON; `record_of` takes it."""
        return {
            "definition": self.definition.document(),
            **{name: getattr(self, name) for name in _PLAIN},
            "promotion": self.promotion and promotion_document(self.promotion),
            "epochs": [epoch.document() for epoch in self.epochs],
            "ramp": self.ramp and asdict(self.ramp),
        }


_PLAIN = ("status", "epoch", "revision", "created_at", "changed_at", "started_at", "stopped_at")


def promotion_document(promotion: Promotion) -> dict[str, Any]:
    """A promotion as JSON."""
    return {"variant": promotion.variant, "version": promotion.version, "before": default_document(promotion.before)}


def default_document(default: Default) -> dict[str, Any]:
    """A default as JSON."""
    return {"version": default.version, "experiment": default.experiment, "configured": default.configured}


def record_of(kept: Any) -> Record:
    """A record from its document.

    Raises:
        ValueError: it is none, or has fields of a later gateway that are unknown here.
    """
    try:
        promotion = kept["promotion"]
        if promotion is not None:
            promotion = Promotion(**{**promotion, "before": Default(**promotion["before"])})
        definition, plain = read(kept["definition"]), {name: kept[name] for name in _PLAIN}
        ramp = kept.get("ramp")
        return Record(definition, promotion=promotion, epochs=_epochs(kept, definition), ramp=ramp and RampState(**ramp), **plain)
    except (KeyError, TypeError) as exc:
        raise ValueError(f"not a record of an experiment: {exc!r}") from exc


def _epochs(kept: Mapping[str, Any], definition: Definition) -> tuple[Epoch, ...]:
    """The epochs of a record; of one from before they were kept, the present one alone."""
    if "epochs" in kept:
        return tuple(Epoch(**epoch) for epoch in kept["epochs"])
    started_at = kept["started_at"]
    return () if started_at is None else (Epoch.of(kept["epoch"], started_at, definition),)


@dataclass(frozen=True, slots=True)
class Stored:
    """All that state keeps, at one revision; `unreadable` are the keys of records of no known form.

    It never changes: a change makes a new one.
    """

    revision: int = 0
    records: Mapping[str, Record] = field(default_factory=dict)
    defaults: Mapping[str, Default] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()

    def running(self) -> list[Record]:
        """The experiments that assign units, the one that started first at first."""
        found = [record for record in self.records.values() if record.status == "running"]
        return sorted(found, key=lambda record: (record.started_at or 0.0, record.key))

    def document(self) -> dict[str, Any]:
        """All of it as JSON; `stored_of` takes it."""
        return {
            "revision": self.revision,
            "records": [record.document() for record in self.records.values()],
            "defaults": {model: default_document(default) for model, default in self.defaults.items()},
        }


def stored_of(kept: Any) -> Stored:
    """What `Stored.document` made.

    Raises:
        ValueError: it did not make this.
    """
    try:
        records = [record_of(one) for one in kept["records"]]
        defaults = {model: Default(**one) for model, one in kept["defaults"].items()}
        return Stored(int(kept["revision"]), {record.key: record for record in records}, defaults)
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError(f"not a copy of experiments: {exc!r}") from exc


def unpack(fields: Mapping[bytes, bytes]) -> Stored:
    """What the fields of state's hash say.

    A record or a default that cannot be read counts as one that is not there, so that one gateway
    of a later release does not stop those of this one.
    """
    records, defaults, unreadable = {}, {}, []
    for raw_name, raw in fields.items():
        name = raw_name.decode()
        try:
            if name.startswith(_RECORD):
                records[name.removeprefix(_RECORD)] = record_of(orjson.loads(raw))
            elif name.startswith(_DEFAULT):
                defaults[name.removeprefix(_DEFAULT)] = Default(**orjson.loads(raw))
        except (ValueError, TypeError):
            unreadable.append(name.removeprefix(_RECORD))
    return Stored(int(fields.get(REVISION.encode(), b"0")), dict(sorted(records.items())), defaults, tuple(sorted(unreadable)))


def record_field(key: str) -> str:
    """The field of an experiment's record."""
    return f"{_RECORD}{key}"


def default_field(model: str) -> str:
    """The field of a model's default version."""
    return f"{_DEFAULT}{model}"


def pack_record(record: Record) -> bytes:
    """A record as it is stored."""
    return orjson.dumps(record.document())


def pack_default(default: Default) -> bytes:
    """A default as it is stored."""
    return orjson.dumps(default_document(default))
