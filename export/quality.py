"""The gate: how much of the reference's quality a packaged version keeps on the evaluation set."""

from export.dataset import Dataset
from export.errors import ExportError
from export.recipe import Evaluation
from export.tasks.task import Floats, Ints, Task
from model_repository.manifest import Quality

ROUNDING = 1e-9


def measure_quality(task: Task, evaluation: Evaluation, dataset: Dataset, right: Ints, reference: Floats, packaged: Floats) -> Quality:
    """The metric of both models' outputs [examples, labels]; `right` holds the index of each example's right label."""
    metric = task.metrics[evaluation.metric]
    return Quality(
        metric=evaluation.metric,
        reference=metric(reference, right),
        packaged=metric(packaged, right),
        examples=len(right),
        data=dataset.name,
        data_digest=dataset.digest,
        max_drop=evaluation.max_drop,
    )


def require_quality(quality: Quality, precision: str) -> None:
    """Hold the packaged version to the gate.

    Raises:
        ExportError: it lost more than `max_drop`.
    """
    drop = quality.reference - quality.packaged
    if not drop <= quality.max_drop + ROUNDING:
        raise ExportError(
            f"{quality.metric} of {precision} {quality.packaged:.4f} is {drop:.4f} below the fp32 reference {quality.reference:.4f} "
            f"on {quality.examples} examples; at most {quality.max_drop:.4f} is allowed (evaluation.max_drop)"
        )
