"""The quality gate once more, on a packaged version.

The version answers its evaluation set; its figures must be the manifest's and within the bounds.
The fp32 reference is not asked again, as that takes its checkpoint: its figures are the manifest's.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.counts import counted
from export.data.dataset import Dataset, dataset_of
from export.data.table import Table
from export.errors import ExportError
from export.evaluation.quality import ROUNDING
from export.evaluation.split import judging_rows
from export.graphs.batches import Padded
from export.graphs.graph import CPU, Graph, provider_here
from export.graphs.serving import Serving
from export.recipe.sets import Evaluation
from export.tasks import TASKS
from model_repository.manifest import GRAPH, TOKENIZER, Manifest
from model_repository.measured import Comparison, Quality

TOLERANCE = 0.001
"""How far a figure may be from the manifest's.

On the same kind of machine the same graph gives the same answers, but for the last digits.
"""


@dataclass(frozen=True)
class Figure:
    """What a version answers, and what its manifest says.

    `examples` are those of the whole set, or of the slice in `where`; `drop` is from the manifest's
    reference; `bound` is what may be lost, None where a slice has no bound.
    """

    where: str
    examples: int
    reference: float
    manifest: float
    measured: float
    drop: float
    bound: float | None


@dataclass(frozen=True)
class Measured:
    """The figures of a version, the whole set's first; `provider` is what ran the graph."""

    metric: str
    provider: str
    figures: tuple[Figure, ...]


def require_same_set(quality: Quality, table: Table) -> None:
    """A table holds the evaluation set that a manifest speaks of.

    Raises:
        ExportError: its files are others.
    """
    if table.digest != quality.data_digest:
        raise ExportError(
            f"{table.path} has the digest {table.digest}, and the manifest's evaluation set ({quality.data}) has {quality.data_digest}: "
            "give that one, or measure on this one with --any-data"
        )


def evaluation_set(quality: Quality, table: Table, columns: Mapping[str, str]) -> Dataset:
    """A table in the roles of the manifest, or of `columns` (role: column).

    Raises:
        RecipeError: a column is missing, or does not hold what its role needs.
    """
    roles = {**quality.columns, **columns}
    found = {role: roles.pop(role) for role in ("text", "text_pair", "label") if role in roles}
    # a role that has its own name may be one that the task does not read
    usual = {role: name for role, name in found.items() if name != role}
    slices = tuple(dict.fromkeys(part.column for part in quality.slices))
    evaluation = Evaluation.model_validate({"data": table.path, **usual, "columns": roles, "slices": slices, "max_drop": quality.max_drop})
    return dataset_of(evaluation, table)


def measure_again(
    folder: Path, manifest: Manifest, quality: Quality, dataset: Dataset, advance: Callable[[int, int], None] = lambda done, total: None
) -> Measured:
    """Let the version in a folder answer an evaluation set.

    It runs on the execution provider of the manifest's figures, or on the CPU where that is
    missing.

    Raises:
        RecipeError: the set does not hold what the task needs.
        ExportError: the graph does not run, or the metric is unknown.
    """
    task = TASKS[manifest.task]
    assessment = task.assessment(dataset, manifest)
    if (metric := assessment.metrics.get(quality.metric)) is None:
        raise ExportError(f"the manifest's metric {quality.metric} is not one of {', '.join(assessment.metrics)}; export the version anew")
    truth, items = assessment.truth(dataset, manifest.labels), task.items(dataset, manifest)
    serving, provider = Serving(manifest, folder / TOKENIZER), provider_here(manifest.measured_provider or CPU)
    runs = Padded(Graph(folder / GRAPH, serving.backend.graph_outputs, provider=provider), serving.encode(()).pad_id)
    rows = metric.statistics(serving.answer(runs, items, advance), truth)
    judging = np.ones(len(rows), dtype=np.bool_)
    if quality.chosen_on is not None and dataset.digest == quality.data_digest:
        judging = judging_rows(len(rows), dataset.slices)

    def figure(where: str, stated: Comparison, chosen: NDArray[np.bool_], bound: float | None) -> Figure:
        measured = float(metric.reduce(rows[chosen].sum(axis=0)))
        drop = metric.drop(stated.reference, measured)
        return Figure(where, len(rows[chosen]), stated.reference, stated.packaged, measured, drop, bound)

    slices = (
        figure(
            f" where {part.column} is {part.value}",
            part,
            judging & np.array([value == part.value for value in dataset.slices[part.column]]),
            quality.max_slice_drop,
        )
        for part in quality.slices
    )
    return Measured(metric.name, provider, (figure("", quality, judging, quality.max_drop), *slices))


def quality_faults(measured: Measured, tolerance: float) -> Iterator[str]:
    """Figures that differ from the manifest's, or lost too much.

    They may differ by `tolerance`, which is a share of a figure above 1.
    """
    for found in measured.figures:
        said = f"{measured.metric} is {found.measured:.4f} on {counted(found.examples, 'example')}{found.where}"
        # NaN is close to nothing
        if not math.isclose(found.measured, found.manifest, rel_tol=tolerance, abs_tol=tolerance):
            yield f"{said}, and the manifest says {found.manifest:.4f}: that is more than {tolerance:g} apart"
        if found.bound is not None and found.drop > found.bound + ROUNDING:
            lost = f"of the fp32 reference's {found.reference:.4f} it loses {found.drop:.4f}"
            yield f"{said}: {lost}, and at most {found.bound:.4f} is allowed"
