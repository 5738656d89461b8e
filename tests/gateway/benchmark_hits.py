"""The rate of cached predictions of a worker, relative to a bare FastAPI route in the same run.

It needs Debian's `wrk`. The servers run on one core, wrk on another. The gateway asks for a key and
counts its requests and items. Where other programs use these cores too, the ratio of the CPU time a
request is the steadier figure. Then both servers get an open loop of `RATE` requests a second,
which shows what the gateway adds to a request's latency.

    make models && .venv/bin/python tests/gateway/benchmark_hits.py
"""

import asyncio
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import uvloop

ROOT = Path(__file__).parents[2]
REPOSITORY = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "model_repository/models"
sys.path += [str(ROOT), str(ROOT / "tests/support")]
from gateway_process import GatewayProcess, free_port  # noqa: E402 - found by the line above
from wrk import load  # noqa: E402 - beside this file

from gateway.triton.http1 import Client  # noqa: E402

BARE = """
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Body(BaseModel):
    instances: list[str]


class Answer(BaseModel):
    predictions: list[dict[str, str | float]]


@app.post("/")
async def predict(body: Body) -> Answer:
    return Answer(predictions=[{"label": "crude", "score": 0.9}])
"""
BODY = json.dumps({"instances": ["opec ministers agreed to cut crude oil output"], "version": 2})
KEY = "hr_benchmark"
AUTHENTICATION = {
    "auth": "keys",
    "api_keys": f"acme:{hashlib.sha256(KEY.encode()).hexdigest()}",
    "limits_per_key": "requests_per_s=1000000,items_per_day=1000000000",
    "limits_per_tenant": "requests_per_s=1000000",
}
SERVER_CORE, CLIENT_CORE = "0", "1"
ROUNDS, SECONDS, CONNECTIONS, RATE = 3, 4, 32, 1000


async def at_a_rate(url: str) -> tuple[float, float]:
    """The (p50, p99) latency in ms of an open loop; no request waits for another's response."""
    address = httpx.URL(url)
    client = Client(address.host, address.port)
    loop, headers = asyncio.get_running_loop(), f"Content-Type: application/json\r\nAuthorization: Bearer {KEY}\r\n"

    async def ask(due_s: float) -> float:
        await asyncio.sleep(due_s - loop.time())
        began_s = time.perf_counter()  # the clock of the event loop counts whole milliseconds
        answer = await client.request("POST", address.path, BODY.encode(), 10, headers)
        if answer.status != 200:
            sys.exit(answer.body.decode())
        return time.perf_counter() - began_s

    start_s = loop.time() + 0.2
    latencies = await asyncio.gather(*(ask(start_s + i / RATE) for i in range(RATE * SECONDS)))
    client.close()
    percentiles = statistics.quantiles(latencies[RATE:], n=100)  # without the first second, in which connections are made
    return percentiles[49] * 1e3, percentiles[98] * 1e3


def write_script(path: Path) -> None:
    """Write wrk's script, in which every request has the same text."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    lines = [f"wrk.headers['{name}'] = '{value}'" for name, value in headers.items()]
    path.write_text("\n".join(["wrk.method = 'POST'", *lines, f"wrk.body = [[{BODY}]]"]))


def serve_bare(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """Start the bare route on the servers' core."""
    (folder / "bare.py").write_text(BARE)
    uvicorn = [sys.executable, "-m", "uvicorn", "bare:app", "--port", str(port), "--loop", "uvloop", "--http", "httptools"]
    return subprocess.Popen(["taskset", "-c", SERVER_CORE, *uvicorn, "--no-access-log", "--log-level", "warning"], cwd=folder)


def serve_cached(gateway: GatewayProcess) -> None:
    """Move the gateway to the servers' core, and wait until it has cached the answer."""
    for task in Path(f"/proc/{gateway.process.pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {int(SERVER_CORE)})
    while httpx.post(gateway.predict_url, content=BODY, headers={"Authorization": f"Bearer {KEY}"}).headers["x-cache"] != "hit":
        time.sleep(0.1)  # the answer is stored in the background: ask until it is stored


def measure(servers: dict[str, tuple[int, str]], script: Path) -> None:
    """Measure the servers, (process id, URL) by name, in turn; print the rates and their ratio."""
    rounds = {who: [] for who in servers}
    for _ in range(ROUNDS):
        for who, (pid, url) in servers.items():
            rounds[who].append(load(pid, url, script, connections=CONNECTIONS, seconds=SECONDS, core=CLIENT_CORE))
            print(f"{who:7s} {rounds[who][-1]}", flush=True)
    os.sched_setaffinity(0, {int(CLIENT_CORE)})
    for who, (_, url) in servers.items():
        p50_ms, p99_ms = min(uvloop.run(at_a_rate(url)) for _ in range(ROUNDS))
        print(f"{who:7s} {RATE:8d} requests/s   open loop: p50 {p50_ms:.2f} ms   p99 {p99_ms:.2f} ms", flush=True)
    rate = {who: max(one.rate for one in own) for who, own in rounds.items()}
    cpu_us = {who: min(one.cpu_us for one in own) for who, own in rounds.items()}
    by_rate, by_cpu = rate["cached"] / rate["bare"], cpu_us["bare"] / cpu_us["cached"]
    print(f"ratio   {by_rate:.2f} by requests/s, {by_cpu:.2f} by CPU time  (best of {ROUNDS} rounds each)")


def main() -> None:
    """Start both servers and measure them."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        script = folder / "post.lua"
        write_script(script)
        settings = {"log": folder / "gateway.log", "experiments_file": ROOT / "gateway/demo/experiments.yaml", **AUTHENTICATION}
        with serve_bare(folder, port) as bare:
            try:
                with GatewayProcess("--embedded", "--repository", REPOSITORY, **settings) as gateway:
                    serve_cached(gateway)
                    measure({"bare": (bare.pid, f"http://127.0.0.1:{port}/"), "cached": (gateway.process.pid, gateway.predict_url)}, script)
            finally:
                bare.terminate()


if __name__ == "__main__":
    main()
