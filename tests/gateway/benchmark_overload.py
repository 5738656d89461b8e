"""Goodput under overload: an open loop at multiples of the whole path's capacity.

    make models && .venv/bin/python tests/gateway/benchmark_overload.py [REPOSITORY]

Capacity is measured first, with a closed loop. Each request has a deadline; it is good if it is
answered by then. Arrivals are Poisson, and a late answer does not delay the next request. The texts
are real documents, all distinct, and bypass the cache. A request holds several texts, so that the
load generator, which runs on the same machine, takes little of the CPU.
"""

import asyncio
import itertools
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import aiohttp

ROOT = Path(__file__).parents[2]
REPOSITORY = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "model_repository/models"
CORPUS = ROOT / ".work/demo/r8-test.jsonl"
sys.path.append(str(ROOT / "tests/support"))
from gateway_process import GatewayProcess  # noqa: E402 - found by the line above

TEXTS = 8
DEADLINE_S = 1.0
TARGET_S = 0.5
CLOSED_LOOP, CLOSED_LOOP_S = 8, 10
"""Clients and seconds. So many texts may always wait, so no client is shed and asks in vain."""
STEPS, STEP_S, SETTLE_S = (0.5, 1, 2, 5), 20, 5


def bodies() -> "itertools.Iterator[bytes]":
    """Requests of `TEXTS` documents each; no document is sent twice."""
    texts = [json.loads(line)["text"] for line in CORPUS.read_text().splitlines()]
    for start in itertools.count(step=TEXTS):
        chosen = [f"{start + i} {texts[(start + i) % len(texts)]}" for i in range(TEXTS)]
        yield json.dumps({"instances": chosen, "version": 2}).encode()


async def ask(session: aiohttp.ClientSession, url: str, body: bytes, deadline_s: float) -> tuple[int, float]:
    """The (status, seconds) of a request; status 0: there was no answer in time."""
    began = time.perf_counter()
    headers = {"X-Request-Timeout-Ms": str(deadline_s * 1e3), "Cache-Control": "no-store"}
    try:
        async with session.post(url, data=body, headers=headers, timeout=aiohttp.ClientTimeout(deadline_s + 1)) as answer:
            await answer.read()
            return answer.status, time.perf_counter() - began
    except TimeoutError:
        return 0, time.perf_counter() - began


async def capacity(session: aiohttp.ClientSession, url: str, stream: "itertools.Iterator[bytes]") -> float:
    """The rate of a closed loop, requests/s."""
    answered, end = 0, time.perf_counter() + CLOSED_LOOP_S

    async def client() -> None:
        nonlocal answered
        while time.perf_counter() < end:
            status, _ = await ask(session, url, next(stream), 30)
            answered += status == 200

    await asyncio.gather(*(client() for _ in range(CLOSED_LOOP)))
    return answered / CLOSED_LOOP_S


async def step(session: aiohttp.ClientSession, url: str, stream: "itertools.Iterator[bytes]", rate: float) -> list[tuple[int, float]]:
    """The results of the requests sent after the first `SETTLE_S` seconds of an open loop."""
    loop, began, sent = asyncio.get_running_loop(), time.perf_counter(), []
    due, draw = began, random.Random(7)
    while due < began + SETTLE_S + STEP_S:
        due += draw.expovariate(rate)
        if (left := due - time.perf_counter()) > 0:
            await asyncio.sleep(left)
        task = loop.create_task(ask(session, url, next(stream), DEADLINE_S))
        sent.append((due - began, task))
    return [await task for after_s, task in sent if after_s >= SETTLE_S]


def report(offered: float, outcomes: list[tuple[int, float]]) -> float:
    """Print a line; return the goodput, requests/s."""
    good = sorted(took for status, took in outcomes if status == 200 and took <= DEADLINE_S)
    admitted = sorted(took for status, took in outcomes if status != 429)
    counts = Counter(status for status, _ in outcomes)
    late = len(outcomes) - len(good) - counts[429]
    p50, p99 = (admitted[min(len(admitted) - 1, int(q * len(admitted)))] * 1e3 if admitted else 0 for q in (0.5, 0.99))
    goodput = len(good) / STEP_S
    print(
        f"{offered:9.1f} {len(outcomes) / STEP_S:9.1f} {goodput:9.1f} {counts[429] / len(outcomes):8.1%} {late / len(outcomes):8.1%} "
        f"{p50:8.0f} {p99:8.0f}   {dict(counts)}",
        flush=True,
    )
    return goodput


async def measure(gateway: GatewayProcess) -> None:
    """Measure the capacity, then each step."""
    stream = bodies()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await capacity(session, gateway.predict_url, stream)
        able = await capacity(session, gateway.predict_url, stream)
        print(f"capacity {able:.1f} requests/s of {TEXTS} texts; deadline {DEADLINE_S * 1e3:.0f} ms, target {TARGET_S * 1e3:.0f} ms")
        print("  offered      sent   goodput     shed     late   p50 ms   p99 ms   (of what was admitted)")
        goodput = {times: report(times * able, await step(session, gateway.predict_url, stream, times * able)) for times in STEPS}
    print(f"goodput at {STEPS[-1]} times capacity: {goodput[STEPS[-1]] / max(goodput.values()):.2f} of the peak")


def main() -> None:
    """Start the whole path and measure."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "gateway.log")
        settings = {"target_latency_ms": TARGET_S * 1e3, "log_level": "warning"}
        with GatewayProcess("--embedded", "--repository", REPOSITORY, log=log, **settings) as gateway:
            asyncio.run(measure(gateway))


if __name__ == "__main__":
    main()
