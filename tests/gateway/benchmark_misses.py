"""The gateway's CPU time for a prediction that is not cached, with a model that takes almost none.

    .venv/bin/python tests/gateway/benchmark_misses.py

The model is a BERT of two tiny layers behind a real Triton; no text is sent twice. Authentication,
rate limits, an experiment, both tiers of the cache, metrics and the log are on; `bare` leaves out
the cache.
"""

import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
# in place of this folder, whose `triton` PyTorch would take for the compiler
sys.path[:1] = [str(ROOT), str(ROOT / "model_repository/backend"), str(ROOT / "tests/support")]
import tasks_repository  # noqa: E402 - found by the line above
from gateway_process import GatewayProcess  # noqa: E402
from wrk import load  # noqa: E402 - beside this file

from gateway.embedded.valkey import Valkey  # noqa: E402
from model_repository.server import TritonServer  # noqa: E402

KEY = "hr_benchmark"
SETTINGS = {
    "auth": "keys",
    "api_keys": f"acme:{hashlib.sha256(KEY.encode()).hexdigest()}",
    "limits_per_key": "requests_per_s=1000000,items_per_day=1000000000",
}
EXPERIMENT = {
    "key": "new-embeddings",
    "model": "embeddings",
    "variants": [{"name": "control", "version": 1, "weight": 0.5}, {"name": "treatment", "version": 2, "weight": 0.5}],
}
SCRIPT = f"""
local n = 0
function init() math.randomseed(os.time()); n = math.random(1000000000) end
function request()
  n = n + 1
  local body = '{{"instances":["alna bero ' .. n .. '"]}}'
  return wrk.format("POST", wrk.path, {{["Content-Type"] = "application/json", ["Authorization"] = "Bearer {KEY}"}}, body)
end
"""
SERVER_CORE, CLIENT_CORE = "0", "1"
ROUNDS, SECONDS = 3, 4


def main() -> None:
    """Measure with and without a cache, with few and with many connections."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "misses.lua").write_text(SCRIPT)
        experiments = folder / "experiments.yaml"
        experiments.write_text(json.dumps({"experiments": [EXPERIMENT]}))
        repository = tasks_repository.make(folder / "models").folder
        with TritonServer.start(repository) as triton, Valkey() as valkey:
            os.sched_setaffinity(triton.pid, {int(CLIENT_CORE)})
            for who, cache in (("cached", {"cache_url": valkey.url}), ("bare", {})):
                settings = {"triton_url": triton.http_url, "experiments_file": experiments, **SETTINGS, **cache}
                with GatewayProcess(log=folder / f"{who}.log", **settings) as gateway:
                    os.sched_setaffinity(gateway.process.pid, {int(SERVER_CORE)})
                    url = f"{gateway.url}/v1/models/embeddings:predict"
                    for connections in (1, 64):
                        rounds = [
                            load(
                                gateway.process.pid,
                                url,
                                folder / "misses.lua",
                                connections=connections,
                                seconds=SECONDS,
                                core=CLIENT_CORE,
                            )
                            for _ in range(ROUNDS)
                        ]
                        print(f"{who:6s} {connections:3d} connections {min(rounds, key=lambda one: one.cpu_us)}", flush=True)


if __name__ == "__main__":
    main()
