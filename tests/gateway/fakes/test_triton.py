"""The fake does what tests rely on, and what it answers is what a real Triton could."""

import asyncio
import threading

import pytest
from virtual_time import run

from gateway.errors import BackendBroken, DeadlineExceeded, InvalidRequest, ItemFault, NotReady, Overloaded, PackageReplaced, Unreachable
from gateway.fakes.manifests import make_manifest
from gateway.fakes.triton import FakeTriton
from gateway.request.prediction import Item, Prediction
from gateway.request.priority import Priority
from gateway.request.row import floats_of, tokens_of
from model_repository.manifest import Manifest

V1, V2 = make_manifest("topics", 1), make_manifest("topics", 2)


async def ask(triton, *texts, manifest=V1, timeout_s=10.0, priority=Priority.INTERACTIVE):
    return await triton.infer(manifest, [Item(text.encode()) for text in texts], timeout_s, priority)


async def test_it_serves_what_it_was_given():
    model = (await FakeTriton(V1, V2, instances=3, max_batch_size=5).catalog(1.0)).model("topics")
    assert {number: version.manifest for number, version in model.versions.items()} == {1: V1, 2: V2}
    assert (model.default_version, model.instances, model.max_batch_size) == (2, 3, 5)


async def test_equal_texts_have_equal_rows_and_other_texts_and_versions_have_others():
    triton = FakeTriton(V1, V2)
    one, other, again = await ask(triton, "corn", "wheat", "corn")
    assert one == again != other
    assert await ask(triton, "corn", manifest=V2) != [one]
    assert await ask(FakeTriton(V1), "corn") == [one]


async def test_rows_hold_what_the_given_function_predicts_and_the_number_of_words():
    [row] = await ask(FakeTriton(V1, predict=lambda manifest, item: [0.25, 0.75]), "corn and wheat")
    assert (floats_of(row), tokens_of(row)) == ((0.25, 0.75), 3)


async def test_an_item_that_cannot_be_processed_fails_alone():
    def predict(manifest, item):
        if item.text == b"bad":
            raise InvalidRequest("It is bad.")
        return [0.5, 0.5]

    good, bad = await ask(FakeTriton(V1, predict=predict), "good", "bad")
    assert (type(good), type(bad), bad.message) == (bytes, ItemFault, "It is bad.")
    prediction = Prediction(V1, [good, bad.row])
    assert [len(row) for row in prediction.rows] == [12, 12]


async def test_a_prediction_of_another_width_is_the_tests_own_fault():
    with pytest.raises(ValueError, match="holds 2 numbers, the prediction has 1"):
        await ask(FakeTriton(V1, predict=lambda manifest, item: [1.0]), "corn")


async def test_calls_are_recorded():
    triton = FakeTriton(V1)
    await ask(triton, "corn", "wheat", timeout_s=3.0, priority=Priority.BATCH)
    [call] = triton.calls
    assert (call.manifest, call.texts, call.timeout_s, call.priority) == (V1, ["corn", "wheat"], 3.0, Priority.BATCH)


async def test_held_calls_wait_until_they_are_released():
    triton = FakeTriton(V1)
    triton.hold()
    calls = [asyncio.create_task(ask(triton, "corn")) for _ in range(2)]
    await triton.called(2)
    assert not any(call.done() for call in calls)
    triton.release()
    one, other = await asyncio.gather(*calls)
    assert one == other


def test_a_call_is_held_no_longer_than_its_time():
    async def scenario():
        triton = FakeTriton(V1)
        triton.hold()
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        with pytest.raises(DeadlineExceeded):
            await ask(triton, "corn", timeout_s=7.0)
        assert loop.time() - began_s == 7.0

    run(scenario())


def test_another_thread_may_hold_and_release():
    triton = FakeTriton(V1)
    triton.hold()
    rows = []
    server = threading.Thread(target=lambda: rows.extend(asyncio.run(ask(triton, "corn"))))
    server.start()
    asyncio.run(triton.called(1))
    assert not rows
    triton.release()
    server.join()
    assert len(rows) == 1


async def test_a_cancelled_call_leaves_nothing_behind():
    triton = FakeTriton(V1)
    triton.hold()
    call = asyncio.create_task(ask(triton, "corn"))
    await triton.called(1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    triton.release()
    assert len(await ask(triton, "corn")) == 1


async def test_faults_are_raised_while_they_are_set():
    triton = FakeTriton(V1)
    triton.fault, triton.catalog_fault = Overloaded("full"), Unreachable("gone")
    for _ in range(2):
        with pytest.raises(Overloaded):
            await ask(triton, "corn")
        with pytest.raises(Unreachable):
            await triton.catalog(1.0)
    triton.fault = triton.catalog_fault = None
    assert len(await ask(triton, "corn")) == 1
    assert (await triton.catalog(1.0)).models


async def test_what_is_not_served_is_not_answered():
    triton = FakeTriton(V1, V2)
    triton.unload("topics", 1, "out of memory")
    model = (await triton.catalog(1.0)).model("topics")
    assert [(version.ready, version.reason) for version in model.versions.values()] == [(False, "out of memory"), (True, "")]
    reexported = make_manifest("topics", 2, digest="sha256:" + "5" * 64)
    for manifest in (V1, make_manifest("other")):
        with pytest.raises(NotReady):
            await ask(triton, "corn", manifest=manifest)
    with pytest.raises(PackageReplaced):
        await ask(triton, "corn", manifest=reexported)
    triton.serve(reexported)
    assert len(await ask(triton, "corn", manifest=reexported)) == 1
    with pytest.raises(PackageReplaced):
        await ask(triton, "corn", manifest=V2)


async def test_no_call_may_be_larger_than_the_configuration_allows():
    with pytest.raises(BackendBroken):
        await ask(FakeTriton(V1, max_batch_size=2), "a", "b", "c")


async def test_closing_ends_calls_that_are_held():
    triton = FakeTriton(V1)
    triton.hold()
    call = asyncio.create_task(ask(triton, "corn"))
    await triton.called(1)
    await triton.aclose()
    for unanswered in (call, ask(triton, "corn")):
        with pytest.raises(Unreachable):
            await unanswered
    assert triton.closed


def test_manifests_are_valid_for_a_model_repository():
    assert Manifest.parse(V1.to_json(), "V1") == V1
    assert V1.digest != V2.digest
