"""What a Triton did between pages of its metrics that were read one after the other. Pure."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from loadtest.observation.exposition import Samples, total
from loadtest.observation.spacing import space_out
from loadtest.results.observed import GpuPoint, GpuUse, ModelUse, TritonPoint, TritonUse

US_PER_S = 1e6
SUCCESS, FAILURE = "nv_inference_request_success", "nv_inference_request_failure"
INFERENCES, EXECUTIONS = "nv_inference_count", "nv_inference_exec_count"
PENDING = "nv_inference_pending_request_count"
QUEUE, COMPUTE = "nv_inference_queue_duration_us", "nv_inference_compute_infer_duration_us"
GPU_UTILIZATION, GPU_MEMORY, GPU_MEMORY_TOTAL = "nv_gpu_utilization", "nv_gpu_memory_used_bytes", "nv_gpu_memory_total_bytes"
SUB_BATCHES, TOKENS, PADDING = (f"headrace_backend_{name}_total" for name in ("sub_batches", "tokens", "padding_tokens"))


class Page(NamedTuple):
    """Triton's metrics, `at_s` seconds after the load began."""

    at_s: float
    samples: Samples


def describe_triton(url: str, pages: Sequence[Page], silent_s: float | None = None) -> TritonUse:
    """What a Triton did between the first page and the last; nothing where there are not two."""
    pages = space_out(pages, [page.at_s for page in pages])
    steps = list(pairwise(pages))
    series = [_point(before, after) for before, after in steps]
    return TritonUse(url, _models(pages[0].samples, pages[-1].samples) if steps else [], series, _gpus(pages), silent_s)


def _point(before: Page, after: Page) -> TritonPoint:
    width_s = after.at_s - before.at_s
    inferences, executions = (_grown(before.samples, after.samples, name) for name in (INFERENCES, EXECUTIONS))
    return TritonPoint(
        at_s=after.at_s,
        inferences_per_s=inferences / width_s,
        executions_per_s=executions / width_s,
        mean_batch=inferences / executions if executions else None,
        pending=int(total(after.samples, PENDING)),
    )


def _models(before: Samples, after: Samples) -> list[ModelUse]:
    """The use of those versions that got any request."""
    known = sorted({(sample.labels["model"], sample.labels["version"]) for sample in after.get(INFERENCES, ())})
    used = [_model(before, after, model, version) for model, version in known]
    return [model for model in used if model.requests or model.failures]


def _model(before: Samples, after: Samples, model: str, version: str) -> ModelUse:
    def grown(name: str, **labels: str) -> float:
        return _grown(before, after, name, model=model, version=version, **labels)

    sizes = dict.fromkeys(sample.labels["rows"] for sample in after.get(SUB_BATCHES, ()) if "rows" in sample.labels)
    counted = {size: int(grown(SUB_BATCHES, rows=size)) for size in sorted(sizes, key=_first_row)}
    return ModelUse(
        model=model,
        version=version,
        requests=int(grown(SUCCESS)),
        failures=int(grown(FAILURE)),
        inferences=int(grown(INFERENCES)),
        executions=int(grown(EXECUTIONS)),
        queue_s=grown(QUEUE) / US_PER_S,
        compute_s=grown(COMPUTE) / US_PER_S,
        sub_batches={size: runs for size, runs in counted.items() if runs},
        tokens=int(grown(TOKENS)) if TOKENS in after else None,
        padding_tokens=int(grown(PADDING)) if PADDING in after else None,
    )


def _gpus(pages: Sequence[Page]) -> list[GpuUse]:
    names = sorted({sample.labels.get("gpu_uuid", "") for page in pages for sample in page.samples.get(GPU_MEMORY, ())})
    return [_gpu(name, pages) for name in names]


def _gpu(name: str, pages: Sequence[Page]) -> GpuUse:
    points = [
        GpuPoint(page.at_s, total(page.samples, GPU_UTILIZATION, gpu_uuid=name), int(total(page.samples, GPU_MEMORY, gpu_uuid=name)))
        for page in pages
    ]
    return GpuUse(name, int(total(pages[-1].samples, GPU_MEMORY_TOTAL, gpu_uuid=name)), points)


def _grown(before: Samples, after: Samples, name: str, **labels: str) -> float:
    """How much a counter grew, over its values that have these labels.

    A value that fell has begun anew at 0, as after a restart.
    """
    old = {tuple(sorted(sample.labels.items())): sample.value for sample in before.get(name, ())}
    grown = 0.0
    for sample in after.get(name, ()):
        if labels.items() <= sample.labels.items():
            was = old.get(tuple(sorted(sample.labels.items())), 0.0)
            grown += sample.value - was if sample.value >= was else sample.value
    return grown


def _first_row(size: str) -> int:
    return int(size.partition("-")[0])
