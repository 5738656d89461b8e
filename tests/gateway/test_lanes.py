"""The lanes of versions: found, shared, and evicted when the catalog has dropped their versions."""

import asyncio
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY

from gateway.admission.queue_limits import QueueLimits
from gateway.catalog.watch import CatalogWatch
from gateway.errors import NotFound, NotReady, Overloaded
from gateway.fakes.manifests import make_manifest
from gateway.fakes.triton import FakeTriton
from gateway.lanes import EVICTED_AFTER_S, Lanes
from gateway.request.deadline import Deadline
from gateway.request.prediction import Item, PredictionRequest

LIMITS = QueueLimits(max_pending=64, max_pending_bytes=2**20, target_latency_s=0.5, batch_share=0.5, max_in_flight=None)
FIRST = make_manifest("lanes", 1)
EXPORTED_ANEW = make_manifest("lanes", 1, digest="sha256:" + "2" * 64)


class Served:
    """Lanes on a fake Triton; the tests say when its catalog is read."""

    def __init__(self, *manifests, **options):
        self.triton = FakeTriton(*manifests, **options)
        self.watch = CatalogWatch(self.triton.catalog, refresh_s=1.0)
        self.limits = LIMITS
        self.now_s = 0.0
        self.lanes = Lanes(self.triton, lambda: self.watch.current, lambda _: self.limits, clock=lambda: self.now_s)

    def evict(self):
        """Let the lanes find that a version is gone, and look again when it has been for long."""
        self.lanes.evict()
        self.now_s += EVICTED_AFTER_S
        self.lanes.evict()

    async def serve(self, *manifests):
        self.triton.serve(*manifests)
        await self.watch.read()


@pytest.fixture
async def served():
    made = Served(FIRST)
    await made.watch.read()
    return made


def gauge(name):
    return REGISTRY.get_sample_value(name, {"model": "lanes", "version": "1"})


def submit(lane):
    request = PredictionRequest([Item(b"a text")], asyncio.get_running_loop().time() + 10)
    return lane.submit(request.items[0], lane.admit(request.items, request), Deadline(request.deadline))


async def test_there_is_no_lane_before_triton_was_seen():
    with pytest.raises(NotReady, match="has not answered yet"):
        Served(FIRST).lanes.of("lanes", 1)


async def test_a_version_has_one_lane(served):
    assert served.lanes.of("lanes", 1) is served.lanes.of("lanes", 1)


@pytest.mark.parametrize(("model", "version", "sentence"), [("other", 1, "there are: lanes"), ("lanes", 2, "no version 2; there are: 1")])
async def test_a_version_that_is_not_served_is_not_found(served, model, version, sentence):
    with pytest.raises(NotFound, match=sentence):
        served.lanes.of(model, version)


async def test_a_version_that_is_not_ready_has_a_lane_that_must_not_compute(served):
    served.triton.unload("lanes", 1)
    await served.watch.read()
    lane = served.lanes.of("lanes", 1)
    with pytest.raises(NotReady, match="version 1 of model lanes is not ready; ready: none"):
        served.lanes.require_ready(lane.manifest)


async def test_the_lane_of_a_re_exported_version_replaces_its_former_lane(served):
    before = served.lanes.of("lanes", 1)
    await served.serve(EXPORTED_ANEW)
    after = served.lanes.of("lanes", 1)
    assert (after is before, after.manifest) == (False, EXPORTED_ANEW)
    assert repr(served.lanes) == "<Lanes lanes/1, lanes/1>"
    served.evict()
    assert repr(served.lanes) == "<Lanes lanes/1>"
    assert served.lanes.of("lanes", 1) is after


async def test_a_lane_with_waiting_items_is_evicted_only_when_they_are_answered(served):
    lane = served.lanes.of("lanes", 1)
    served.triton.hold()
    row = submit(lane)
    await served.triton.called(1)
    await served.serve(FIRST, make_manifest("other"))
    await served.serve(make_manifest("other"))
    served.evict()
    assert (repr(served.lanes), gauge("headrace_pending_items")) == ("<Lanes lanes/1>", 1)
    served.triton.release()
    with pytest.raises(NotReady):
        await row
    await asyncio.sleep(0)  # the row's other callbacks
    served.evict()
    assert repr(served.lanes) == "<Lanes >"


async def test_the_gauges_of_a_dropped_version_are_removed(served):
    row = submit(served.lanes.of("lanes", 1))
    await row
    assert gauge("headrace_limit") > 0
    await asyncio.sleep(0)  # the call's end
    await served.serve(EXPORTED_ANEW)
    served.lanes.of("lanes", 1)
    served.evict()
    assert gauge("headrace_limit") > 0
    await served.serve(make_manifest("other"))
    served.evict()
    assert (gauge("headrace_limit"), gauge("headrace_pending_items")) == (None, None)


async def test_changed_queue_limits_take_effect(served):
    lane = served.lanes.of("lanes", 1)
    served.triton.hold()
    rows = [submit(lane)]
    await served.triton.called(1)
    served.limits = replace(LIMITS, max_pending=2, max_in_flight=1)
    served.lanes.reread_queue_limits()
    rows += [submit(lane), submit(lane)]
    with pytest.raises(Overloaded, match="no more may"):
        submit(lane)
    served.triton.release()
    await asyncio.gather(*rows)
    assert len(served.triton.calls) == 2 or len(served.triton.calls) == 3


async def test_a_version_that_one_reading_of_the_catalog_lacked_keeps_its_lane(served):
    lane = served.lanes.of("lanes", 1)
    for _ in range(3):
        await served.serve(make_manifest("other"))
        served.lanes.evict()
        served.now_s += EVICTED_AFTER_S - 1
        await served.serve(FIRST)
        served.lanes.evict()
    assert served.lanes.of("lanes", 1) is lane


async def test_a_text_with_many_labels_takes_as_many_turns():
    served = Served(make_manifest("lanes", 1, "zero-shot-classification"), instances=1, max_batch_size=1)
    served.limits = replace(LIMITS, max_in_flight=1)
    await served.watch.read()
    lane, deadline_s, rows = served.lanes.of("lanes", 1), asyncio.get_running_loop().time() + 10, []
    served.triton.hold()
    for who, texts, labels in (("first", 1, 1), ("greedy", 4, 100), ("modest", 4, 1)):
        parameters = b'{"candidate_labels":[%s]}' % b",".join(b'"%d"' % number for number in range(labels))
        request = PredictionRequest([Item(b"%s" % who.encode(), None, parameters)] * texts, deadline_s, flow=(who,))
        ticket = lane.admit(request.items, request)
        rows += [lane.submit(item, ticket, Deadline(deadline_s)) for item in request.items]
        await served.triton.called(1)
    served.triton.release()
    await asyncio.gather(*rows)
    order = [call.texts[0] for call in served.triton.calls]
    first, second, *_ = (at for at, who in enumerate(order) if who == "greedy")
    assert "modest" not in order[second:], order
    assert first < second
