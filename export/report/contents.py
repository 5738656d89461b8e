"""What a report shows: the manifest, and what else the export saw."""

from collections.abc import Sequence
from dataclasses import dataclass

from export.graphs.company import Moved
from export.graphs.latency_grid import GridPoint
from export.progress import FinishedStep
from export.report.differences import AnswerDifferences
from model_repository.manifest import Manifest


@dataclass(frozen=True)
class ThroughTriton:
    """How the staged version answered a real Triton.

    `texts` were asked, `difference` is the largest of a number in their answers, `provider` is what
    ran. `unavailable` says why nothing was asked, if so.
    """

    texts: int
    provider: str
    difference: float | None = None
    unavailable: str | None = None


@dataclass(frozen=True)
class Report:
    """All that the page shows.

    `latencies` is empty where this machine cannot run what is served; `made_at` is ISO 8601;
    `cautions` are what the checkpoint says otherwise than the recipe; `moved` says how far answers
    move in company, and is None for the fp32 graph as it was exported.
    """

    manifest: Manifest
    steps: Sequence[FinishedStep]
    triton: ThroughTriton
    answers: AnswerDifferences
    latencies: Sequence[GridPoint]
    machine: str
    made_at: str
    cautions: Sequence[str] = ()
    moved: Moved | None = None
