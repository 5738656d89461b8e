"""How many cached predictions a worker answers, as a ratio to a bare FastAPI route in the same run (needs Debian's `wrk`).

The servers run on one core, wrk on another. The gateway asks for a key and counts its requests and items. Where other programs use these
cores too, the ratio of the CPU time that each request takes is the steadier figure.

    make models && .venv/bin/python tests/gateway/benchmark_hits.py
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).parents[2]
REPOSITORY = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "model_repository/models"
sys.path.append(str(ROOT / "tests/integration"))
from gateway_process import GatewayProcess, free_port  # noqa: E402 - found by the line above

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
ROUNDS, SECONDS, CONNECTIONS = 3, 4, 32


def load(pid: int, url: str, folder: Path) -> tuple[float, float, str, str]:
    """(requests/s, the server's CPU µs per request, p50, p99) of one round of wrk."""
    script = folder / "post.lua"
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    lines = [f"wrk.headers['{name}'] = '{value}'" for name, value in headers.items()]
    script.write_text("\n".join(["wrk.method = 'POST'", *lines, f"wrk.body = [[{BODY}]]"]))
    command = ["taskset", "-c", CLIENT_CORE, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", "-s", str(script), url]
    before = sum(psutil.Process(pid).cpu_times()[:2])
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    cpu_s = sum(psutil.Process(pid).cpu_times()[:2]) - before
    if "Non-2xx" in output:
        sys.exit(output)
    return (
        float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]),
        cpu_s * 1e6 / int(re.search(r"(\d+) requests in", output)[1]),
        re.search(r"^\s+50%\s+(\S+)", output, re.MULTILINE)[1],
        re.search(r"^\s+99%\s+(\S+)", output, re.MULTILINE)[1],
    )


def main() -> None:
    """Measure both, in turn, and print the rates and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bare.py").write_text(BARE)
        port = free_port()
        uvicorn = [sys.executable, "-m", "uvicorn", "bare:app", "--port", str(port), "--loop", "uvloop", "--http", "httptools"]
        bare = subprocess.Popen(["taskset", "-c", SERVER_CORE, *uvicorn, "--no-access-log", "--log-level", "warning"], cwd=folder)
        experiments = ROOT / "gateway/demo/experiments.yaml"
        settings = {"log": folder / "gateway.log", "experiments_file": experiments, **AUTHENTICATION}
        with GatewayProcess("--embedded", "--repository", REPOSITORY, **settings) as gateway:
            os.sched_setaffinity(gateway.process.pid, {int(SERVER_CORE)})
            for task in Path(f"/proc/{gateway.process.pid}/task").iterdir():
                os.sched_setaffinity(int(task.name), {int(SERVER_CORE)})
            while httpx.post(gateway.predict_url, content=BODY, headers={"Authorization": f"Bearer {KEY}"}).headers["x-cache"] != "hit":
                time.sleep(0.1)  # the store is not waited for: ask until it has happened
            try:
                rates, costs = {"bare": [], "cached": []}, {"bare": [], "cached": []}
                servers = {"bare": (bare.pid, f"http://127.0.0.1:{port}/"), "cached": (gateway.process.pid, gateway.predict_url)}
                for _ in range(ROUNDS):
                    for who, (pid, url) in servers.items():
                        rate, cpu_us, p50, p99 = load(pid, url, folder)
                        rates[who].append(rate)
                        costs[who].append(cpu_us)
                        print(f"{who:7s} {rate:8.0f} requests/s   {cpu_us:5.0f} µs CPU each   p50 {p50}   p99 {p99}", flush=True)
            finally:
                bare.terminate()
                bare.wait()
        by_rate, by_cpu = max(rates["cached"]) / max(rates["bare"]), min(costs["bare"]) / min(costs["cached"])
        print(f"ratio   {by_rate:.2f} by requests/s, {by_cpu:.2f} by CPU time  (best of {ROUNDS} rounds each)")


if __name__ == "__main__":
    main()
