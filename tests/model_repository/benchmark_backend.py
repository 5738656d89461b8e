"""Planned against padded batches, through a real tritonserver, in one run.

    python tests/model_repository/benchmark_backend.py --model model_repository/models/topics --texts texts.txt

Both ways serve the newest version of the model with the same instances, tokenizer, graph and requests; the padded one runs each batch
that Triton forms as one sub-batch. Only the ratio means anything beyond this machine and moment. `--texts` has one text a line.
"""

import argparse
import asyncio
import itertools
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from tritonclient.grpc.aio import InferenceServerClient, InferInput

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from model_repository import config  # noqa: E402 - a script finds its own repository first
from model_repository.manifest import read_versions  # noqa: E402 - as above
from model_repository.server import TritonServer  # noqa: E402 - as above

# the backend itself, but with a cost model in which every sub-batch costs the same: so the plan is the whole batch
PADDED = """
import importlib.util, sys
import numpy as np
sys.path.insert(0, {backend!r})
from headrace_backend.cost import CostModel
spec = importlib.util.spec_from_file_location("headrace_model", {backend!r} + "/model.py")
headrace = importlib.util.module_from_spec(spec)
spec.loader.exec_module(headrace)

class TritonPythonModel(headrace.TritonPythonModel):
    def initialize(self, args):
        super().initialize(args)
        cost = self._pipeline._cost
        self._pipeline._cost = CostModel(np.ones_like(cost.seconds))
"""


def main() -> None:
    """Serve both ways, one after the other and again, and print texts per second and their ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="a model's folder in a model repository")
    parser.add_argument("--texts", type=Path, required=True, help="a file with one text a line")
    parser.add_argument("--in-flight", type=int, default=64, help="requests of one text each that are under way at a time")
    parser.add_argument("--seconds", type=float, default=5, help="duration of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each way, in turns; the best one counts")
    options = parser.parse_args()
    texts = options.texts.read_bytes().splitlines()
    with tempfile.TemporaryDirectory() as folder:
        _repository(Path(folder), options.model)
        with TritonServer.start(Path(folder), timeout_s=300) as triton:
            best = dict.fromkeys(("planned", "padded"), 0.0)
            for _, name in itertools.product(range(options.rounds), best):
                rate = asyncio.run(_texts_per_s(triton.grpc_url, name, texts, options.in_flight, options.seconds))
                best[name] = max(best[name], rate)
    print(f"planned {best['planned']:.1f} texts/s, padded {best['padded']:.1f} texts/s: {best['planned'] / best['padded']:.2f} times")


def _repository(folder: Path, model: Path) -> None:
    version = max(read_versions(model))
    for name in ("planned", "padded"):
        shutil.copytree(model / str(version), folder / name / "1")
        served = config.read(model / config.FILE)
        served.name = name
        config.write(folder / name / config.FILE, served)
    served.backend = "python"
    config.write(folder / "padded" / config.FILE, served)
    (folder / "padded" / "1" / "model.py").write_text(PADDED.format(backend=str(ROOT / "model_repository" / "backend")))


async def _texts_per_s(url: str, model: str, texts: list[bytes], in_flight: int, seconds: float) -> float:
    tensors = []
    for text in texts:
        tensor = InferInput("TEXT", [1, 1], "BYTES")
        tensor.set_data_from_numpy(np.array([[text]], dtype=np.object_))
        tensors.append(tensor)
    turns = itertools.cycle(tensors)
    async with InferenceServerClient(url) as client:
        await client.infer(model, [next(turns)])

        async def ask_until(end_s: float) -> int:
            answered = 0
            while time.perf_counter() < end_s:
                await client.infer(model, [next(turns)])
                answered += 1
            return answered

        begin_s = time.perf_counter()
        answered = sum(await asyncio.gather(*(ask_until(begin_s + seconds) for _ in range(in_flight))))
        return answered / (time.perf_counter() - begin_s)


if __name__ == "__main__":
    main()
