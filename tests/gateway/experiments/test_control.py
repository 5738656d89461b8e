"""Random sequences of what clients may ask, on real servers and on the fake, against a model.

The model knows nothing of records: it says which status each experiment has, in which epoch it is,
and which of them the rules of `gateway/docs/experiments.md` refuse.
"""

from random import Random

import pytest

from gateway.catalog.catalog import Default
from gateway.errors import GatewayError
from gateway.experiments.control import ControlPlane
from gateway.experiments.definition import read
from gateway.experiments.file import experiments_at
from gateway.experiments.kept import KeptCopy
from gateway.experiments.store import ExperimentStore
from gateway.experiments.watch import StateExperiments
from gateway.request.preconditions import Preconditions

MODELS = {"a": "topics", "b": "topics", "c": "mail", "d": "mail"}
ACTIONS = ("put", "start", "pause", "stop", "promote", "rollback", "delete")
FLAVOURS = ("plain", "described", "covered", "reweighted", "conditional", "measured")
OF_EPOCH, FIXED = {"reweighted", "conditional"}, "measured"
BEFORE = Default(9)


def definition(key, flavour="plain"):
    weight = 0.3 if flavour == "reweighted" else 0.5
    given = {
        "key": key,
        "model": MODELS[key],
        "variants": [{"name": "control", "version": 1, "weight": 1 - weight}, {"name": "treatment", "version": 2, "weight": weight}],
    }
    others = {"described": {"description": "as agreed"}, "covered": {"coverage": 0.1}, "conditional": {"condition": {"country": "de"}}}
    given |= others.get(flavour, {})
    given |= {"metrics": [{"name": "click", "kind": "binary"}]} if flavour == "measured" else {}
    return read(given)


class Plane:
    """A gateway's control plane on a state."""

    def __init__(self, state):
        self.store = ExperimentStore(state, lambda: 1e9, may_lose_writes=True)
        self.watch = StateExperiments(self.store, KeptCopy(None, ""))
        self.control = ControlPlane(experiments_at(None), self.watch, self.store, self.default_of)

    def default_of(self, model):
        return self.watch.current.defaults.get(model, BEFORE)


class Model:
    """What should be there; `decide` gives the status of an error, or None after a change."""

    def __init__(self):
        self.there = {}
        self.defaults = {}
        self.log = {key: [] for key in MODELS}

    def decide(self, action, key, flavour, precondition):
        found = self.there.get(key)
        if found is None:
            if action != "put" or precondition == "wrong":
                return 412 if action == "put" else 404
            self.there[key] = {"status": "draft", "epoch": 1, "flavour": flavour, "started": False, "promoted": None}
            self.log[key].append("create")
            return None
        if precondition == "wrong":
            return 412
        return getattr(self, f"_{action}")(key, found, flavour, precondition)

    def _put(self, key, found, flavour, precondition):
        if found["flavour"] == flavour:
            return None
        if found["status"] == "stopped":
            return 409
        if found["started"] and FIXED in (found["flavour"], flavour):
            return 409
        if precondition is None:
            return 428
        if found["started"] and OF_EPOCH & {found["flavour"], flavour}:
            found["epoch"] += 1
        found["flavour"] = flavour
        self.log[key].append("change")
        return None

    def _start(self, key, found, *_):
        if found["status"] not in ("draft", "paused"):
            return 409
        return self._become(key, found, "running", "start", started=True)

    def _pause(self, key, found, *_):
        return self._become(key, found, "paused", "pause") if found["status"] == "running" else 409

    def _stop(self, key, found, *_):
        return 409 if found["status"] == "stopped" else self._become(key, found, "stopped", "stop")

    def _promote(self, key, found, *_):
        model = MODELS[key]
        if found["status"] == "draft" or self.defaults.get(model, (None, None))[1] == key:
            return 409
        before = self.defaults.get(model, (9, None))
        self.defaults[model] = 2, key
        return self._become(key, found, "stopped", "promote", promoted=before)

    def _rollback(self, key, found, *_):
        model = MODELS[key]
        if found["promoted"] is None or self.defaults[model][1] != key:
            return 409
        self.defaults[model] = found["promoted"]
        return self._become(key, found, found["status"], "rollback", promoted=None)

    def _delete(self, key, found, *_):
        if found["status"] in ("running", "paused") or self.defaults.get(MODELS[key], (None, None))[1] == key:
            return 409
        del self.there[key]
        self.log[key].append("delete")
        return None

    def _become(self, key, found, status, action, **changes):
        found.update(status=status, **changes)
        self.log[key].append(action)


async def asked(plane, action, key, flavour, preconditions):
    try:
        if action == "put":
            await plane.control.put(definition(key, flavour), "ann", preconditions)
        elif action == "delete":
            await plane.control.delete(key, "ann", preconditions)
        else:
            await plane.control.act(key, action, "ann", preconditions)
    except GatewayError as exc:
        return exc.status
    return None


def preconditions_of(precondition, record):
    if precondition is None:
        return Preconditions()
    tag = "0" if precondition == "wrong" or record is None else f"{record.revision}"
    return Preconditions(if_match=f'"{tag}"')


@pytest.mark.parametrize("seed", range(6))
async def test_every_sequence_ends_as_the_model_does(two, seed):
    chance, model = Random(seed), Model()
    planes = [Plane(state) for state in two]
    for _ in range(60):
        plane = chance.choice(planes)
        await plane.watch.refresh()
        action, key, flavour = chance.choice(ACTIONS), chance.choice(list(MODELS)), chance.choice(FLAVOURS)
        record = plane.watch.current.records.get(key)
        precondition = chance.choices([None, "right", "wrong"], [2, 7, 1])[0]
        if record is None and precondition == "right":
            precondition = None
        expected = model.decide(action, key, flavour, precondition)
        assert await asked(plane, action, key, flavour, preconditions_of(precondition, record)) == expected, (action, key, flavour)
    for plane in planes:
        await plane.watch.refresh()
        stored = plane.watch.current
        found = {key: (record.status, record.epoch, record.definition) for key, record in stored.records.items()}
        assert found == {key: (one["status"], one["epoch"], definition(key, one["flavour"])) for key, one in model.there.items()}
        assert {name: (one.version, one.experiment) for name, one in stored.defaults.items()} == model.defaults
        assert stored.revision == sum(map(len, model.log.values()))
        for key, actions in model.log.items():
            assert [event.action for event in await plane.store.events(key)] == actions
