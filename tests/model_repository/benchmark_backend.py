"""How fast sub-batches are: planned, padded and single texts, against ONNX Runtime alone.

    python tests/model_repository/benchmark_backend.py --model model_repository/models/topics TABLE

TABLE is `plans`, `triton` or `choices`. The newest version of a text classification model answers
made-up texts of three mixes of lengths. `plans`: in this process, on one thread, by its own CPU
time, which other programs disturb least; the limit is ONNX Runtime alone with all texts at hand,
sorted and planned at once. `triton`: through a real tritonserver with two instances, many requests
of one text at a time. `choices`: threads, instances, spinning and I/O binding, each choice in
processes of its own that work at once. All ways of a row take turns within one run and the best
turn of each counts, so ratios within a row hold beyond this machine and moment; the figures
themselves do not. `model_repository/README.md` has a run of each.
"""

import argparse
import asyncio
import itertools
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from tritonclient.grpc.aio import InferenceServerClient, InferInput

ROOT = Path(__file__).resolve().parents[2]
BACKEND = ROOT / "model_repository" / "backend"
sys.path[:0] = [str(ROOT), str(BACKEND)]

from headrace_backend.cost import CostModel, fit, measure  # noqa: E402 - a script finds its own repository first
from headrace_backend.items import Item, Query  # noqa: E402 - as above
from headrace_backend.pipeline import Pipeline  # noqa: E402 - as above
from headrace_backend.placement import Placement  # noqa: E402 - as above
from headrace_backend.planner import plan  # noqa: E402 - as above
from headrace_backend.session import Session  # noqa: E402 - as above
from headrace_backend.tasks import task_of  # noqa: E402 - as above
from headrace_backend.tokenizer import Fit, TextTokenizer  # noqa: E402 - as above

from model_repository import config  # noqa: E402 - as above
from model_repository.manifest import read_versions  # noqa: E402 - as above
from model_repository.server import TritonServer  # noqa: E402 - as above

WORDS = [
    "the",
    "oil",
    "price",
    "rose",
    "as",
    "ministers",
    "agreed",
    "to",
    "cut",
    "output",
    "while",
    "banks",
    "left",
    "rates",
    "grain",
    "port",
]
WINDOW = 64
"""Texts that are at hand at once: Triton's largest batch."""

# the backend itself, but with a plan of its own
OTHER_PLAN = """
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
        power = {power}
        rows = np.arange(cost.seconds.shape[1]) ** float(power)
        self._pipeline._cost = CostModel(np.broadcast_to(rows, cost.seconds.shape).copy())
"""
PADDED, SINGLES = 0, 2
"""Powers of the rows.

With the first a sub-batch costs the same whatever it holds, so all texts run in one; with the
second it costs so much more that each text runs alone.
"""


def mixes(count: int) -> dict[str, list[bytes]]:
    """Texts by their mix of lengths, in words.

    All are equal, or lognormal and short, or short with some long ones between.
    """
    random = np.random.default_rng(7)
    words = {
        "equal": np.full(count, 30),
        "lognormal": np.clip(random.lognormal(2.7, 0.7, count), 1, 180),
        "bimodal": np.where(random.random(count) < 0.85, random.integers(4, 12, count), random.integers(100, 180, count)),
    }
    return {name: [" ".join(random.choice(WORDS, int(n))).encode() for n in lengths] for name, lengths in words.items()}


def best_of_turns(ways: dict[str, Callable[[], float]], turns: int) -> dict[str, float]:
    """The highest figure of each way."""
    best = dict.fromkeys(ways, 0.0)
    for _, name in itertools.product(range(turns), ways):
        best[name] = max(best[name], ways[name]())
    return best


class Version:
    """A packaged version opened as the backend opens it."""

    def __init__(self, folder: Path, placement: Placement) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        self.task = task_of(manifest)
        self.tokenizer = TextTokenizer(folder / "tokenizer.json", Fit(manifest["max_length"]))
        self.session = Session(folder / "model.onnx", placement, self.task.graph_outputs, self.tokenizer.pad_id)
        clock = time.process_time if placement.intra_op_threads == 1 else time.perf_counter
        seen = measure(self.session.run_shape, WINDOW, manifest["max_length"], placement.cost_budget_s, clock)
        self.cost = fit(seen, WINDOW, manifest["max_length"])

    def pipeline(self, power: int | None = None) -> Pipeline:
        """The backend's pipeline, with the plan as measured or as a power of the rows."""
        cost = self.cost
        if power is not None:
            cost = CostModel(np.broadcast_to(np.arange(WINDOW + 1.0) ** power, cost.seconds.shape).copy())
        return Pipeline(self.tokenizer, self.session, self.task, cost)


def seconds_of(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds that some work takes."""
    start_s = clock()
    work()
    return clock() - start_s


def plans(options: argparse.Namespace) -> Iterator[str]:
    """Texts a second of CPU time on one thread.

    The limit is ONNX Runtime alone, with all texts at hand and tokenized.
    """
    version = Version(options.version, Placement())
    yield "| lengths | singles | padded | planned | limit | planned / padded | planned / singles | planned / limit |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for name, texts in mixes(options.texts).items():
        windows = [[Item(text) for text in texts[at : at + WINDOW]] for at in range(0, len(texts), WINDOW)]

        def through(pipeline: Pipeline, windows: Sequence[Sequence[Item]] = windows) -> Callable[[], float]:
            return lambda: options.texts / seconds_of(lambda: [pipeline.answer(window) for window in windows], time.process_time)

        encoded = [query.windows[0] for query in version.tokenizer.encode([Query(text.decode()) for text in texts])]
        batches = [[encoded[at] for at in group] for group in plan([len(window.ids) for window in encoded], version.cost)]

        def alone(batches: Sequence[Sequence[object]] = batches) -> float:
            return options.texts / seconds_of(lambda: [version.session.run(batch) for batch in batches], time.process_time)

        ways = {"singles": through(version.pipeline(SINGLES)), "padded": through(version.pipeline(PADDED))}
        best = best_of_turns({**ways, "planned": through(version.pipeline()), "limit": alone}, options.turns)
        yield _row(name, best)


def _row(name: str, best: dict[str, float]) -> str:
    figures = [f"{best[way]:,.0f}" for way in ("singles", "padded", "planned", "limit") if way in best]
    ratios = [f"{best['planned'] / best[way]:.2f}" for way in ("padded", "singles", "limit") if way in best]
    return f"| {name} | {' | '.join(figures + ratios)} |"


def through_triton(options: argparse.Namespace) -> Iterator[str]:
    """Texts/s of a real tritonserver with two instances of one thread."""
    yield "| lengths | singles | padded | planned | planned / padded | planned / singles |"
    yield "| --- | --- | --- | --- | --- | --- |"
    with tempfile.TemporaryDirectory() as folder:
        _repository(Path(folder), options.model, options.version)
        with TritonServer.start(Path(folder), timeout_s=300) as triton:
            for mix, texts in mixes(options.texts).items():
                ways = {
                    name: lambda name=name, texts=texts: asyncio.run(_texts_per_s(triton.grpc_url, name, texts, options.in_flight))
                    for name in ("singles", "padded", "planned")
                }
                yield _row(mix, best_of_turns(ways, options.turns))


def _repository(folder: Path, model: Path, version: Path) -> None:
    settings = config.updated(None, read_versions(model))
    settings.instance_group[0].count = 2
    settings.parameters["intra_op_threads"].string_value = "1"
    for name, power in {"planned": None, "padded": PADDED, "singles": SINGLES}.items():
        shutil.copytree(version, folder / name / "1")
        settings.name, settings.backend = name, config.BACKEND if power is None else "python"
        config.write(folder / name / config.FILE, settings)
        if power is not None:
            (folder / name / "1" / "model.py").write_text(OTHER_PLAN.format(backend=str(BACKEND), power=power))


async def _texts_per_s(url: str, model: str, texts: Sequence[bytes], in_flight: int) -> float:
    requests = []
    for text in texts:
        tensor = InferInput("TEXT", [1, 1], "BYTES")
        tensor.set_data_from_numpy(np.array([[text]], dtype=np.object_))
        requests.append(tensor)
    left = iter(requests)
    async with InferenceServerClient(url) as client:

        async def ask(left: Iterable[InferInput]) -> None:
            for tensor in left:
                await client.infer(model, [tensor])

        start_s = time.perf_counter()
        await asyncio.gather(*(ask(left) for _ in range(in_flight)))
        return len(texts) / (time.perf_counter() - start_s)


def choices(options: argparse.Namespace) -> Iterator[str]:
    """Texts/s of all instances together, lognormal lengths.

    The rows are instances, threads of each, spinning and I/O binding.
    """
    cores = len(os.sched_getaffinity(0))
    yield "| instances | threads | spinning | I/O binding | texts/s | of the best |"
    yield "| --- | --- | --- | --- | --- | --- |"
    shapes = dict.fromkeys([(cores, 1), (1, cores), (1, 1), (cores, cores)])
    rows = [(*shape, spins, binds) for shape in shapes for spins in (False, True) if shape[1] > 1 or not spins for binds in (False, True)]
    ways = {
        row: lambda row=row: _together(
            options, row[0], replace(Placement(), intra_op_threads=row[1], allow_spinning=row[2], io_binding=row[3])
        )
        for row in rows
    }
    best = best_of_turns(ways, options.turns)
    for (instances, threads, spins, binds), rate in sorted(best.items(), key=lambda pair: -pair[1]):
        yield f"| {instances} | {threads} | {int(spins)} | {int(binds)} | {rate:,.0f} | {rate / max(best.values()):.2f} |"


def _together(options: argparse.Namespace, instances: int, placement: Placement) -> float:
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(instances)
    with context.Pool(instances, _open, (options.version, placement, options.texts, ready)) as pool:
        begins_s, ends_s = zip(*pool.map(_work, range(instances), chunksize=1), strict=True)
    return instances * options.texts / (max(ends_s) - min(begins_s))


def _open(folder: Path, placement: Placement, count: int, ready: "multiprocessing.synchronize.Barrier") -> None:
    global _instance
    _instance = (Version(folder, placement).pipeline(), [Item(text) for text in mixes(count)["lognormal"]], ready)


def _work(_: int) -> tuple[float, float]:
    """Beginning and end, by a clock that is the machine's and not the process's."""
    pipeline, items, ready = _instance
    windows = [items[at : at + WINDOW] for at in range(0, len(items), WINDOW)]
    pipeline.answer(windows[0])
    ready.wait()
    begin_s = time.monotonic()
    for window in windows:
        pipeline.answer(window)
    return begin_s, time.monotonic()


def main() -> None:
    """Print a table."""
    tables = {"plans": plans, "triton": through_triton, "choices": choices}
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("table", choices=tables)
    parser.add_argument("--model", type=Path, required=True, help="a model's folder in a model repository")
    parser.add_argument("--texts", type=int, default=512, help="texts of each mix")
    parser.add_argument("--turns", type=int, default=3, help="measurements of each way, in turns; the best one counts")
    parser.add_argument("--in-flight", type=int, default=64, help="`triton`: requests of one text each that are under way at a time")
    options = parser.parse_args()
    options.version = options.model / str(max(read_versions(options.model)))
    for line in tables[options.table](options):
        print(line, flush=True)


if __name__ == "__main__":
    main()
