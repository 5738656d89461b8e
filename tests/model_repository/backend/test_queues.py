"""Triton's queue with the policies of a new configuration.

Who goes first, who is refused, and which errors the gateway makes of it.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from gateway.errors import DeadlineExceeded, Overloaded
from gateway.triton.endpoint_client import fault_of
from gateway.triton.http1 import Client
from model_repository import config

pytestmark = pytest.mark.integration

INTERACTIVE, BATCH = 1, 2
POLL_S = 0.01
"""Triton has a gauge of what waits, and no event."""
BACKEND = Path(config.__file__).parent / "backend"

# the backend itself, but a text that names a pipe holds its instance until that pipe's end closes
GATED = f"""
import importlib.util, sys
sys.path.insert(0, {str(BACKEND)!r})
spec = importlib.util.spec_from_file_location("headrace_model", {str(BACKEND / "model.py")!r})
headrace = importlib.util.module_from_spec(spec)
spec.loader.exec_module(headrace)

class TritonPythonModel(headrace.TritonPythonModel):
    def initialize(self, args):
        super().initialize(args)
        self._log = open(args["model_repository"] + "/executed", "ab", buffering=0)

    def execute(self, requests):
        for request in requests:
            for text in headrace._strings(request, "TEXT"):
                self._log.write(text + b"\\n")
                if text.endswith(b".pipe"):
                    open(text, "rb").readline()
        return super().execute(requests)
"""


class Queue:
    """One instance that takes a text at a time, and the texts that wait for it."""

    def __init__(self, served):
        self._served = served
        self._tasks = []
        self.pipe = served.folder / "gate.pipe"

    def executed(self) -> list[str]:
        texts = (self._served.folder / "executed").read_text().splitlines()
        return [text for text in texts if text and not text.endswith(".pipe")]

    def held(self) -> bool:
        return ".pipe" in (self._served.folder / "executed").read_text()

    def waiting(self) -> int:
        url = f"http://{self._served.triton.metrics_url}/metrics"
        with urlopen(url) as response:
            lines = response.read().decode().splitlines()
        [line] = [line for line in lines if line.startswith(f'nv_inference_pending_request_count{{model="{self._served.folder.name}"')]
        return int(float(line.split()[-1]))

    async def ask(self, text: str, priority: int | None = None, timeout_us: int | None = None) -> bytes:
        """Ask as the gateway does; what Triton refuses is the gateway's error."""
        parameters = {"priority": priority, "timeout": timeout_us}
        body = {
            "inputs": [{"name": "TEXT", "datatype": "BYTES", "shape": [1, 1], "data": [text]}],
            "parameters": {name: value for name, value in parameters.items() if value is not None},
        }
        host, _, port = self._served.triton.http_url.rpartition(":")
        client = Client(host, int(port))
        try:
            answer = await client.request(
                "POST", f"/v2/models/{self._served.folder.name}/versions/1/infer", json.dumps(body).encode(), timeout_s=60
            )
        finally:
            client.close()
        if answer.status != 200:
            raise fault_of(answer)
        return answer.body

    async def enqueue(self, text: str, **options) -> "asyncio.Task[bytes]":
        """A task that waits in Triton's queue."""
        before = self.waiting()
        task = asyncio.create_task(self.ask(text, **options))
        while self.waiting() == before and not task.done():
            await asyncio.wait([task], timeout=POLL_S)
        return task

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[None]:
        """The instance is held inside."""
        os.mkfifo(self.pipe)
        # both ways from the beginning, so that nobody waits for the other end to be opened
        gate = os.open(self.pipe, os.O_RDWR)
        holder = asyncio.create_task(self.ask(str(self.pipe), priority=BATCH))
        while not (self.held() or holder.done()):
            await asyncio.wait([holder], timeout=POLL_S)
        try:
            yield
        finally:
            os.write(gate, b"\n")
            os.close(gate)
            await holder


@contextmanager
def edited(served) -> Iterator[config.ModelConfig]:
    path = served.folder / config.FILE
    settings = config.read(path)
    yield settings
    config.write(path, settings)


@pytest.fixture
def queue(served, classifier):
    folder = served.package(1, classifier)
    (folder / "model.py").write_text(GATED)
    with edited(served) as settings:
        settings.backend = "python"
        settings.max_batch_size = 1
    return Queue(served)


async def test_interactive_texts_overtake_batch_work_and_are_what_a_request_is_by_default(queue, served):
    served.load()
    async with queue.busy():
        waiting = [await queue.enqueue(text, priority=BATCH) for text in ("batch 1", "batch 2")]
        waiting += [await queue.enqueue("interactive", priority=INTERACTIVE), await queue.enqueue("says nothing")]
    await asyncio.gather(*waiting)
    assert queue.executed() == ["interactive", "says nothing", "batch 1", "batch 2"]


async def test_a_full_queue_refuses_its_level_only_and_the_gateway_calls_it_overloaded(queue, served):
    with edited(served) as settings:
        settings.dynamic_batching.priority_queue_policy[BATCH].max_queue_size = 2
    served.load()
    async with queue.busy():
        waiting = [await queue.enqueue(text, priority=BATCH) for text in ("batch 1", "batch 2")]
        with pytest.raises(Overloaded):
            await queue.ask("batch 3", priority=BATCH)
        waiting.append(await queue.enqueue("interactive", priority=INTERACTIVE))
    await asyncio.gather(*waiting)
    assert queue.executed() == ["interactive", "batch 1", "batch 2"]


async def test_a_text_whose_time_ran_out_in_the_queue_is_not_run_and_the_gateway_calls_it_late(queue, served):
    served.load()
    async with queue.busy():
        late = await queue.enqueue("late", timeout_us=1)
        patient = await queue.enqueue("patient", timeout_us=60_000_000)  # more than the default is the default
    with pytest.raises(DeadlineExceeded):
        await late
    await patient
    assert queue.executed() == ["patient"]


async def test_a_text_expires_after_the_default_of_its_level(queue, served):
    with edited(served) as settings:
        settings.dynamic_batching.priority_queue_policy[INTERACTIVE].default_timeout_microseconds = 1
    served.load()
    async with queue.busy():
        interactive, batch = await queue.enqueue("interactive"), await queue.enqueue("batch", priority=BATCH)
    with pytest.raises(DeadlineExceeded):
        await interactive
    await batch
    assert queue.executed() == ["batch"]
