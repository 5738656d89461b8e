"""Shadows on their way: after an answer went out, another version computes it, too.

Whoever was answered notices nothing. A request leaves a job in bounded memory and goes on; jobs are
done one at a time as batch work, and a job is dropped first: where too many wait, where it has
waited for too long, and where the version that answers has work waiting. The shadow's rows are
cached, so a candidate that shadows begins its experiment with a warm cache.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random
from time import perf_counter
from typing import Final, NamedTuple

import structlog

from gateway.errors import GatewayError, StateUnavailable
from gateway.experiments.assignment import Variant
from gateway.measurement.names import shadow_names
from gateway.observability import metrics
from gateway.request.cache_control import NONE, Directives
from gateway.request.context import RequestContext
from gateway.request.hooks import Answered
from gateway.request.placement import Arm
from gateway.request.prediction import Item, Prediction, PredictionRequest
from gateway.request.priority import Priority
from gateway.shadow.examples import Example, digest_of, keep_examples, most_different
from gateway.shadow.tally import AFTER, BEFORE, MOST_TEXTS, TALLY, TRAFFIC, Compared, Pair, argument, cost
from gateway.state.state import State
from gateway.tasks import task_of

log = structlog.get_logger()
FLOW: Final = ("shadows",)
MOST_WAITING: Final = 100
MOST_ITEMS, MOST_BYTES = 16, 65_536
"""Of a request so many items are shadowed, and none that is larger."""
OLDEST_S: Final = 5.0
TIMEOUT_S: Final = 30.0
FLUSH_INTERVAL_S: Final = 1.0
MOST_COMPARED: Final = 5_000
BATCH: Final = 200
NOISE_SHARE: Final = 0.1
"""Of the jobs, the version that answered computes so many again, uncached: its own noise."""
ANEW: Final = Directives(look_up=False, store=False)

Predict = Callable[[str, int, PredictionRequest, RequestContext], Awaitable[Prediction]]
"""Answers a request by a version of a model."""


class _Job(NamedTuple):
    """What one shadow is to compute; the answer took `latency_s`, and `triton_s` of Triton."""

    arm: Arm
    variant: Variant
    items: Sequence[Item]
    answer: Prediction
    request_id: str
    tenant: str
    latency_s: float
    triton_s: float
    at_s: float

    @property
    def experiment(self) -> str:
        """The experiment's key."""
        return self.arm.experiment

    @property
    def shown(self) -> tuple[str, int]:
        """The model and the version that answered."""
        return self.answer.manifest.model, self.answer.manifest.version

    @property
    def pair(self) -> Pair:
        """The version that answered, and the one that shadows."""
        return Pair.of(*self.shown, self.variant.model, self.variant.version)


class _Waiting:
    """What is known of an experiment's shadows and not written yet; the oldest goes first."""

    def __init__(self) -> None:
        self.compared: deque[Compared] = deque(maxlen=MOST_COMPARED)
        self.others: Counter[str] = Counter()
        self.examples: dict[Pair, list[Example]] = {}

    def add(self, compared: Compared, example: Example) -> None:
        self.compared.append(compared)
        if not compared.pair.noise:
            self.examples[compared.pair] = most_different([*self.examples.get(compared.pair, ()), example])


class Shadows:
    """A `Tap`. `variants` gives the shadowing variants of experiments in force, by key.

    `predict` computes, and `is_busy` says whether work waits for a version of a model.
    `on_compared` is told how many of a unit's items were compared, and how many differ. `chance`
    draws the share of the requests that are shadowed.
    """

    def __init__(
        self,
        variants: Callable[[], Mapping[str, Sequence[Variant]]],
        predict: Predict,
        is_busy: Callable[[str, int], bool],
        state: State,
        on_compared: Callable[[Arm, int, int], None] = lambda *_: None,
        chance: Random | None = None,
    ) -> None:
        self._variants, self._predict, self._is_busy, self._state = variants, predict, is_busy, state
        self._on_compared = on_compared
        self._chance = chance or Random()  # noqa: S311 - it draws samples, not secrets
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue(MOST_WAITING)
        self._waiting: dict[str, _Waiting] = {}

    def __repr__(self) -> str:
        return f"<Shadows {self._jobs.qsize()} of at most {MOST_WAITING} jobs wait>"

    def take(self, answered: Answered) -> None:
        """Leave jobs for the shadows of an answer; it never waits."""
        shadowing = self._variants()
        if not shadowing:
            return
        for arm in answered.placement.arms:
            for variant in shadowing.get(arm.experiment, ()):
                if self._chance.random() < variant.shadow:
                    self._leave(answered, arm, variant)

    async def work(self) -> None:
        """Do jobs one at a time, for ever."""
        while True:
            job = await self._jobs.get()
            try:
                await self._do(job)
            except GatewayError as exc:
                self._count(job, "failed")
                log.debug("a shadow failed", experiment=job.experiment, variant=job.variant.name, reason=exc.message)
            except Exception:
                # such as an answer that cannot be compared: the next job may do
                self._count(job, "failed")
                log.exception("a shadow failed", experiment=job.experiment, variant=job.variant.name)
            finally:
                self._jobs.task_done()

    async def settled(self) -> None:
        """Wait until no job waits or is done."""
        await self._jobs.join()

    async def watch(self) -> None:
        """Write what was compared every second, for ever."""
        while True:
            await asyncio.sleep(FLUSH_INTERVAL_S)
            await self.flush()

    async def flush(self) -> None:
        """Write what was compared.

        What may have been written while state was going is not written again, and not counted.
        """
        for experiment, waiting in list(self._waiting.items()):
            try:
                await self._write(experiment, waiting)
            except StateUnavailable:
                return

    def _leave(self, answered: Answered, arm: Arm, variant: Variant) -> None:
        answer, ctx = answered.prediction, answered.ctx
        items = answered.items[:MOST_ITEMS]
        if (answer.manifest.model, answer.manifest.version) == (variant.model, variant.version):
            return
        if not items or max(map(_bytes, items)) > MOST_BYTES:
            return
        triton_s = ctx.triton_s / len(answered.items)
        now_s = asyncio.get_running_loop().time()
        job = _Job(arm, variant, items, answer, ctx.request_id, ctx.tenant, ctx.timing.elapsed_s(), triton_s, now_s)
        try:
            self._jobs.put_nowait(job)
        except asyncio.QueueFull:
            self._count(job, "dropped")

    async def _do(self, job: _Job) -> None:
        if asyncio.get_running_loop().time() - job.at_s > OLDEST_S or self._is_busy(*job.shown):
            self._count(job, "dropped")
            return
        if job.triton_s:
            self._of(job.experiment).others.update(cost(job.pair, BEFORE, 1, job.triton_s, job.latency_s))
        await self._compare(job, job.variant.model, job.variant.version, NONE)
        if self._chance.random() < NOISE_SHARE:
            await self._compare(job, *job.shown, ANEW)
        self._count(job, "compared")

    async def _compare(self, job: _Job, model: str, version: int, cache: Directives) -> None:
        deadline = asyncio.get_running_loop().time() + TIMEOUT_S
        request = PredictionRequest(job.items, deadline, cache, priority=Priority.BATCH, flow=FLOW)
        ctx, began_s = RequestContext(job.request_id, tenant=job.tenant), perf_counter()
        found = await self._predict(model, version, request, ctx)
        before, after = job.answer.manifest, found.manifest
        pair, waiting = Pair.of(before.model, before.version, after.model, after.version), self._of(job.experiment)
        if ctx.triton_s and not pair.noise:
            waiting.others.update(cost(pair, AFTER, 1, ctx.triton_s / len(job.items), perf_counter() - began_s))
        task, differences = task_of(before), []
        for i, item in enumerate(job.items):
            if i not in job.answer.errors and i not in found.errors:
                row, other = job.answer.rows[i], found.rows[i]
                compared = Compared(pair, digest_of(item), task.difference(before, row, after, other))
                waiting.add(compared, Example.of(compared, item))
                differences.append(compared.difference)
        if not pair.noise:
            self._on_compared(job.arm, len(differences), sum(bool(one.flip) for one in differences))

    def _of(self, experiment: str) -> _Waiting:
        return self._waiting.setdefault(experiment, _Waiting())

    def _count(self, job: _Job, result: str) -> None:
        metrics.SHADOWED.labels(job.variant.model, job.variant.version, result).inc()
        self._of(job.experiment).others[job.pair.field(TRAFFIC, result)] += 1

    async def _write(self, experiment: str, waiting: _Waiting) -> None:
        names = shadow_names(experiment)
        while waiting.compared or waiting.others:
            batch = [waiting.compared.popleft() for _ in range(min(BATCH, len(waiting.compared)))]
            others, waiting.others = waiting.others, Counter()
            await self._state.run(TALLY, [names.counters, names.texts], [argument(batch, others), MOST_TEXTS])
        if waiting.examples:
            examples, waiting.examples = waiting.examples, {}
            await keep_examples(self._state, experiment, examples)


def _bytes(item: Item) -> int:
    return len(item.text) + len(item.text_pair or b"")
