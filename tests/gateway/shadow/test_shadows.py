"""Shadows: what is shadowed, dropped and counted, while nobody who is answered notices."""

import asyncio
from random import Random

import pytest

from gateway.errors import NotReady
from gateway.experiments.assignment import Variant
from gateway.fakes.manifests import make_manifest
from gateway.fakes.rows import pack_row
from gateway.fakes.state import FakeState
from gateway.request.context import RequestContext
from gateway.request.hooks import Answered
from gateway.request.placement import Arm, Placement
from gateway.request.prediction import Item, Prediction
from gateway.request.priority import Priority
from gateway.shadow.report import reports_of
from gateway.shadow.shadows import MOST_BYTES, MOST_ITEMS, MOST_WAITING, OLDEST_S, Shadows

MANIFESTS = {version: make_manifest("topics", version) for version in (1, 2)}
RIGHT, WRONG = ([0.1, 0.9], [0.9, 0.1])


class Bench:
    """Shadows of version 2, whose answers are set."""

    def __init__(self, share=1.0):
        self.state, self.requests, self.busy, self.scores = FakeState(), [], False, {1: RIGHT, 2: RIGHT}
        self.fault = None
        self.variants = {"lora": [Variant("treatment", "topics", 2, 0.0, share)]}
        self.compared = []
        self.shadows = Shadows(
            lambda: self.variants, self.predict, lambda *_: self.busy, self.state, lambda *told: self.compared.append(told), Random(3)
        )

    async def predict(self, model, version, request, ctx):
        self.requests.append((version, request))
        if self.fault is not None:
            raise self.fault
        ctx.triton_s = 0.01 * version * len(request.items)
        return Prediction(MANIFESTS[version], [row(self.scores[version], MANIFESTS[version]) for _ in request.items])

    def answered(self, *texts, version=1, experiment="lora"):
        items = [Item(text.encode()) for text in texts]
        ctx = RequestContext("id", tenant="acme", triton_s=0.01 * len(items))
        placement = Placement("topics", version, (Arm(experiment, "control"),))
        return Answered(ctx, placement, items, Prediction(MANIFESTS[version], [row(RIGHT, MANIFESTS[version]) for _ in items]))

    async def done(self):
        """Do all jobs that wait, and write what they showed."""
        task = asyncio.create_task(self.shadows.work())
        await asyncio.wait_for(self.shadows.settled(), 10)
        task.cancel()
        await self.shadows.flush()
        return await reports_of(self.state, "lora")


def row(scores, manifest):
    return pack_row(manifest, scores, 3)


@pytest.fixture
def bench():
    return Bench()


async def test_answers_are_compared_beside_the_noise(bench):
    bench.scores[2] = WRONG
    for i in range(60):
        bench.shadows.take(bench.answered(f"text {i}"))
    [report] = await bench.done()
    assert (report.compared, report.dropped, report.failed) == (60, 0, 0)
    assert (report.traffic.items, report.traffic.flips) == (60, 1.0)
    assert report.noise.items == sum(version == 1 for version, _ in bench.requests) > 0
    assert report.noise.flips == 0
    assert report.triton_s == (pytest.approx(0.01), pytest.approx(0.02))
    assert len(report.examples) == 10
    assert report.examples[0].before[0] != report.examples[0].after[0]
    assert all(request.priority is Priority.BATCH for _, request in bench.requests)


async def test_the_unit_is_told_how_many_of_its_answers_differ(bench):
    bench.scores[2] = WRONG
    bench.shadows.take(bench.answered("one", "two"))
    bench.scores[2] = RIGHT
    await bench.done()
    bench.shadows.take(bench.answered("three"))
    await bench.done()
    assert bench.compared == [(Arm("lora", "control"), 2, 0), (Arm("lora", "control"), 1, 0)]
    bench.scores[2] = WRONG
    bench.shadows.take(bench.answered("four", "five", "six"))
    await bench.done()
    assert bench.compared[-1] == (Arm("lora", "control"), 3, 3)


async def test_the_shadow_uses_the_cache_and_the_noise_does_not(bench):
    for i in range(60):
        bench.shadows.take(bench.answered(f"text {i}"))
    await bench.done()
    assert {(version, request.cache.look_up, request.cache.store) for version, request in bench.requests} == {
        (2, True, True),
        (1, False, False),
    }


async def test_only_a_share_of_the_requests_of_other_variants_is_shadowed():
    bench = Bench(share=0.2)
    for i in range(100):
        bench.shadows.take(bench.answered(f"text {i}"))
    [report] = await bench.done()
    assert 8 <= report.compared <= 35
    bench.requests.clear()
    bench.shadows.take(bench.answered("text", version=2))
    bench.shadows.take(bench.answered("text", experiment="other"))
    bench.variants = {}
    bench.shadows.take(bench.answered("text"))
    await bench.done()
    assert bench.requests == []


async def test_jobs_are_dropped_where_too_many_wait(bench):
    for i in range(MOST_WAITING + 7):
        bench.shadows.take(bench.answered(f"text {i}"))
    [report] = await bench.done()
    assert (report.compared, report.dropped) == (MOST_WAITING, 7)


async def test_jobs_are_dropped_while_the_answering_version_has_work_waiting(bench):
    bench.busy = True
    bench.shadows.take(bench.answered("text"))
    [report] = await bench.done()
    assert (report.compared, report.dropped, bench.requests) == (0, 1, [])


async def test_jobs_that_waited_for_too_long_are_dropped(bench):
    bench.shadows.take(bench.answered("text"))
    job = bench.shadows._jobs.get_nowait()
    bench.shadows._jobs.task_done()
    bench.shadows._jobs.put_nowait(job._replace(at_s=job.at_s - OLDEST_S - 1))
    [report] = await bench.done()
    assert report.dropped == 1


@pytest.mark.parametrize("fault", [NotReady("version 2 is not ready"), ZeroDivisionError()])
async def test_a_shadow_that_fails_is_counted_and_the_next_one_is_tried(bench, fault):
    bench.fault = fault
    bench.shadows.take(bench.answered("one"))
    [report] = await bench.done()
    assert (report.compared, report.failed) == (0, 1)
    bench.fault = None
    bench.shadows.take(bench.answered("two"))
    [report] = await bench.done()
    assert (report.compared, report.failed) == (1, 1)


async def test_of_a_large_request_some_items_are_shadowed_and_of_huge_texts_none(bench):
    bench.shadows.take(bench.answered(*(f"text {i}" for i in range(500))))
    bench.shadows.take(bench.answered("x" * (MOST_BYTES + 1)))
    [report] = await bench.done()
    assert (report.compared, report.traffic.items) == (1, MOST_ITEMS)


async def test_while_state_is_gone_memory_is_bounded_and_later_answers_count(bench):
    bench.state.unavailable = True
    bench.shadows.take(bench.answered("one"))
    with pytest.raises(Exception, match="cannot be read"):
        await bench.done()
    bench.state.unavailable = False
    bench.shadows.take(bench.answered("two"))
    [report] = await bench.done()
    assert report.traffic.items >= 1
