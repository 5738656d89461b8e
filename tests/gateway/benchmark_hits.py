"""How many cached predictions a worker answers, as a ratio to a bare FastAPI route in the same run (needs Debian's `wrk`).

The servers run on one core, wrk on another. The gateway asks for a key and counts its requests and items.

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


def load(url: str, folder: Path) -> tuple[float, str, str]:
    """(requests/s, p50, p99) of one round of wrk."""
    script = folder / "post.lua"
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    lines = [f"wrk.headers['{name}'] = '{value}'" for name, value in headers.items()]
    script.write_text("\n".join(["wrk.method = 'POST'", *lines, f"wrk.body = [[{BODY}]]"]))
    command = ["taskset", "-c", CLIENT_CORE, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", "-s", str(script), url]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output:
        sys.exit(output)
    return (
        float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]),
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
                rates = {"bare": [], "cached": []}
                for _ in range(ROUNDS):
                    for who, url in (("bare", f"http://127.0.0.1:{port}/"), ("cached", gateway.predict_url)):
                        rate, p50, p99 = load(url, folder)
                        rates[who].append(rate)
                        print(f"{who:7s} {rate:8.0f} requests/s   p50 {p50}   p99 {p99}", flush=True)
            finally:
                bare.terminate()
                bare.wait()
        print(f"ratio   {max(rates['cached']) / max(rates['bare']):.2f}  (best of {ROUNDS} rounds each)")


if __name__ == "__main__":
    main()
