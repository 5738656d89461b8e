"""A modest client beside a greedy one: what the one notices of the other.

    make models && .venv/bin/python tests/gateway/benchmark_fairness.py [REPOSITORY]

The modest client sends one text at a time, several times a second. The greedy one, a process of its
own, keeps as many requests in flight as it may, as interactive or as batch work, from the same or
another tenant, over HTTP and over gRPC. The modest client is measured alone, beside the greedy one,
and alone again, so that a machine that grows slower counts on both sides. The texts are real
documents, all distinct, and bypass the cache.
"""

import asyncio
import hashlib
import itertools
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import aiohttp
import grpc
from tritonclient.grpc import service_pb2_grpc

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / ".work/demo/r8-test.jsonl"
sys.path.append(str(ROOT / "tests/support"))
from gateway_process import GatewayProcess, free_port, infer_request  # noqa: E402 - found by the line above

REPOSITORY = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "model_repository/models"
IN_FLIGHT = {1: 16, 64: 8, 300: 4, 2048: 2}
"""How many requests of how many texts the greedy client keeps in flight."""
ALONE_S, BESIDE_S, SETTLE_S = 10.0, 10.0, 2.0
PAUSE_S = 0.05
"""The modest client pauses for so long between an answer and its next request."""
MOST = 3.0


class Client:
    """Asks for predictions over HTTP or gRPC with a tenant's key."""

    def __init__(self, protocol: str, url: str, grpc_url: str, tenant: str, priority: str = "interactive") -> None:
        self._url, self._http = f"{url}/v1/models/topics:predict", None
        self._headers = {"Authorization": f"Bearer {tenant}", "X-Priority": priority, "Cache-Control": "no-store"}
        self._channel = grpc.aio.insecure_channel(grpc_url, [("grpc.max_receive_message_length", -1)]) if protocol == "gRPC" else None
        self._texts = [json.loads(line)["text"] for line in CORPUS.read_text().splitlines()]
        random.shuffle(self._texts)
        self._numbers = itertools.count(random.randrange(10**9))

    def _next(self, texts: int) -> list[str]:
        return [f"{n} {self._texts[n % len(self._texts)]}" for n in itertools.islice(self._numbers, texts)]

    async def ask(self, texts: int) -> str:
        """The status of a request for so many texts: ok, or what went wrong."""
        chosen = self._next(texts)
        if self._channel is None:
            self._http = self._http or aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(600))
            async with self._http.post(self._url, json={"instances": chosen}, headers=self._headers) as answer:
                await answer.read()
                return "ok" if answer.status == 200 else str(answer.status)
        metadata = tuple((name.lower(), value) for name, value in self._headers.items())
        try:
            message = infer_request("topics", {"TEXT": [text.encode() for text in chosen]})
            await service_pb2_grpc.GRPCInferenceServiceStub(self._channel).ModelInfer(message, metadata=metadata, timeout=600)
        except grpc.aio.AioRpcError as exc:
            return exc.code().name
        return "ok"

    async def aclose(self) -> None:
        """Close the connections."""
        await (self._http or self._channel).close()


async def modest(client: Client, seconds: float) -> tuple[list[float], Counter[str]]:
    """The latencies in ms of single texts, and the outcomes."""
    latencies, outcomes, end = [], Counter(), time.perf_counter() + seconds
    while time.perf_counter() < end:
        began = time.perf_counter()
        outcomes[await client.ask(1)] += 1
        latencies.append((time.perf_counter() - began) * 1e3)
        await asyncio.sleep(PAUSE_S)
    return latencies, outcomes


async def greedy(protocol: str, url: str, grpc_url: str, tenant: str, priority: str, texts: str) -> None:
    """Keep requests in flight until the parent closes our input; print what came of them."""
    client, outcomes = Client(protocol, url, grpc_url, tenant, priority), Counter()

    async def keep_asking() -> None:
        while True:
            outcomes[await client.ask(int(texts))] += 1

    clients = [asyncio.create_task(keep_asking()) for _ in range(IN_FLIGHT[int(texts)])]
    await asyncio.to_thread(sys.stdin.read)
    for task in clients:
        task.cancel()
    print(json.dumps({"outcomes": outcomes}))
    await asyncio.gather(*clients, return_exceptions=True)
    await client.aclose()


def percentile(latencies: list[float], share: float) -> float:
    """A percentile of latencies."""
    return sorted(latencies)[min(len(latencies) - 1, int(share * len(latencies)))]


async def compare(gateway: GatewayProcess, grpc_url: str, protocol: str, priority: str, tenant: str, texts: int) -> bool:
    """Print a line of the table; whether the modest client was served well."""
    client = Client(protocol, gateway.url, grpc_url, "modest")
    await modest(client, 0.5)
    alone, _ = await modest(client, ALONE_S / 2)
    arguments = [protocol, gateway.url, grpc_url, tenant, priority, str(texts)]
    child = await asyncio.create_subprocess_exec(
        *("nice", "-n", "19", sys.executable, __file__, "--greedy", *arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        await modest(client, SETTLE_S)
        beside, outcomes = await modest(client, BESIDE_S)
    finally:
        found = json.loads((await child.communicate(b""))[0])
    await modest(client, SETTLE_S)
    alone += (await modest(client, ALONE_S / 2))[0]
    await client.aclose()
    p50, p99 = (percentile(beside, q) / percentile(alone, q) for q in (0.5, 0.99))
    good = p99 <= MOST and set(outcomes) == {"ok"}
    cells = [protocol, priority, "same" if tenant == "modest" else "other", texts]
    cells += [f"{percentile(latencies, q):.0f}" for latencies in (alone, beside) for q in (0.5, 0.99)]
    cells += [f"{p50:.1f}", f"{p99:.1f}", f"{len(beside) - outcomes['ok']} of {len(beside)}", found["outcomes"]]
    print("|", " | ".join(map(str, cells)), "|" if good else "| !", flush=True)
    return good


def main() -> None:
    """Measure every combination."""
    keys = ",".join(f"{tenant}:{hashlib.sha256(tenant.encode()).hexdigest()}" for tenant in ("modest", "greedy"))
    with tempfile.TemporaryDirectory() as folder:
        grpc_port = free_port()
        settings = {"auth": "keys", "api_keys": keys, "grpc_port": grpc_port, "log_level": "warning"}
        with GatewayProcess("--embedded", "--repository", REPOSITORY, log=Path(folder, "gateway.log"), **settings) as gateway:
            print("| over | greedy as | tenant | texts | alone p50 | p99 | beside p50 | p99, ms | times p50 | p99 | not ok | greedy |")
            combinations = itertools.product(("HTTP", "gRPC"), ("interactive", "batch"), ("modest", "greedy"), IN_FLIGHT)
            good = [asyncio.run(compare(gateway, f"127.0.0.1:{grpc_port}", *combination)) for combination in combinations]
    print(f"{sum(good)} of {len(good)} combinations: nothing shed, p99 at most {MOST:g} times that alone")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--greedy"]:
        asyncio.run(greedy(*sys.argv[2:]))
    else:
        main()
