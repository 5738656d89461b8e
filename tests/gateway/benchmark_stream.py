"""A million lines through `:predictStream`: lines/s, and the gateway's memory over time.

make models && .venv/bin/python tests/gateway/benchmark_stream.py [REPOSITORY MODEL LINES]
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import psutil
from aiohttp import ClientSession, ClientTimeout

ROOT = Path(__file__).parents[2]
REPOSITORY = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "model_repository/models"
MODEL = sys.argv[2] if len(sys.argv) > 2 else "topics"
LINES = int(sys.argv[3]) if len(sys.argv) > 3 else 1_000_000
sys.path.append(str(ROOT / "tests/support"))
from gateway_process import GatewayProcess  # noqa: E402 - found by the line above

TEXTS, TOGETHER, STEPS = 2_000, 500, 20


async def lines():
    for start in range(0, LINES, TOGETHER):
        yield b"".join(b'"opec cut output %d"\n' % (number % TEXTS) for number in range(start, start + TOGETHER))


async def main(gateway: GatewayProcess) -> None:
    """Send and read at the same time; print the rate and the memory at each of the `STEPS`."""
    process, began, read = psutil.Process(gateway.process.pid), time.perf_counter(), 0
    async with (
        ClientSession(timeout=ClientTimeout(None)) as session,
        session.post(f"{gateway.url}/v1/models/{MODEL}:predictStream", data=lines()) as answer,
    ):
        async for _ in answer.content:
            read += 1
            if read % (LINES // STEPS) == 0:
                rss_mb, seconds = process.memory_info().rss / 1e6, time.perf_counter() - began
                print(f"{read:9,d} lines  {read / seconds:7,.0f} lines/s  {rss_mb:6.1f} MB", flush=True)


if __name__ == "__main__":
    with (
        tempfile.TemporaryDirectory() as name,
        GatewayProcess("--embedded", "--repository", REPOSITORY, log=Path(name) / "gateway.log") as running,
    ):
        asyncio.run(main(running))
