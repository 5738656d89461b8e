"""The registry of tasks: a row for each, with all that more than one program must know of it.

Tensors, labels, default models, dialects and the values that a manifest's `task` may have derive
from the rows. What one program alone knows of a task lies in that program's file of the task's
name (`task_files.py`). README.md says how to add a task.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

from model_repository.postprocessing import (
    FeatureExtraction,
    Postprocessing,
    QuestionAnswering,
    TextClassification,
    TextRanking,
    TokenClassification,
    ZeroShotClassification,
)
from model_repository.tensors import ANSWER, EMBEDDING, PARAMETERS, SCORES, TEXT, TEXT_PAIR, Tensors

Settings = TypeVar("Settings", bound=Postprocessing)
Labels = Literal["none", "kept", "needed"]
Use = Literal["embed", "predict", "rerank"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow(Generic[Settings]):
    """What a task is to all programs."""

    name: str
    """As Hugging Face names it: words joined by hyphens."""
    settings: type[Settings]
    """What a manifest says under `postprocessing`."""
    example: Settings
    """Settings of a version that nobody exported, for fakes and tests."""
    example_labels: tuple[str, ...] = ()
    """Its labels."""
    pair: bool | Callable[[Settings], bool] = False
    """Whether an item is a pair of texts; a function where the settings of a version decide."""
    parameters: bool = False
    """Whether an item can bring parameters to the backend, which change its answer."""
    output: str = ANSWER
    """The tensor that holds the answer: ANSWER (JSON), or one of numbers, which has a `width`."""
    width: Callable[[Settings, Sequence[str]], int] | None = None
    """How many numbers answer one item, from the settings and the labels; None: JSON."""
    labels: Labels = "none"
    """Names of the outputs of the model's head: it has none; a manifest keeps them; or a manifest
    must have them, since answers are made of them."""
    candidate_labels: bool = False
    """Whether the model reads a text once with each of the labels that its parameters bring."""
    windowed: bool = False
    """Whether long texts are read whole, in windows, whatever the manifest says of windows."""
    use: Use | None = None
    """The group of paths that this task alone answers at, under the name that it has in
    `HEADRACE_DEFAULT_MODELS`: `embed` (/embed, /similarity, /v1/embeddings), `predict` (/predict),
    `rerank` (/rerank, /v1/rerank). All tasks answer at the other paths."""

    def takes_pairs(self, settings: Settings) -> bool:
        """Whether an item of a version with these settings is a pair of texts."""
        return self.pair if isinstance(self.pair, bool) else self.pair(settings)

    def tensors(self, settings: Settings) -> Tensors:
        """The tensors of a version with these settings."""
        inputs = (TEXT, TEXT_PAIR) if self.takes_pairs(settings) else (TEXT,)
        return Tensors(inputs, (PARAMETERS,) if self.parameters else (), self.output)


ROWS = (
    # scores in the manifest's order of the labels
    TaskRow(
        name="text-classification",
        settings=TextClassification,
        example=TextClassification(),
        example_labels=("negative", "positive"),
        pair=lambda settings: settings.text_pair,
        parameters=True,
        output=SCORES,
        width=lambda settings, labels: len(labels),
        labels="needed",
        use="predict",
    ),
    # entities
    TaskRow(
        name="token-classification",
        settings=TokenClassification,
        example=TokenClassification(),
        example_labels=("O", "B-NAME", "I-NAME"),
        parameters=True,
        labels="needed",
    ),
    TaskRow(
        name="feature-extraction",
        settings=FeatureExtraction,
        example=FeatureExtraction(dimension=8, pooling="mean", normalize=True, graph_output="sentence_embedding"),
        parameters=True,
        output=EMBEDDING,
        width=lambda settings, labels: settings.dimension,
        use="embed",
    ),
    # a query (TEXT) and one document (TEXT_PAIR): who asks about several documents sorts them
    TaskRow(
        name="text-ranking",
        settings=TextRanking,
        example=TextRanking(),
        pair=True,
        parameters=True,
        output=SCORES,
        width=lambda settings, labels: 1,
        use="rerank",
    ),
    # a question (TEXT) and its context (TEXT_PAIR) → spans of the context
    TaskRow(
        name="question-answering",
        settings=QuestionAnswering,
        example=QuestionAnswering(),
        pair=True,
        parameters=True,
        windowed=True,
    ),
    # a text with labels in its parameters → these, with scores; the model's own are those of NLI
    TaskRow(
        name="zero-shot-classification",
        settings=ZeroShotClassification,
        example=ZeroShotClassification(entailment=2, contradiction=0),
        parameters=True,
        candidate_labels=True,
        labels="kept",
    ),
)

TASKS: Mapping[str, TaskRow[Any]] = {row.name: row for row in ROWS}
"""The rows by name."""

TASK_BY_USE: Mapping[Use, str] = {row.use: row.name for row in ROWS if row.use is not None}
"""The name of the task that answers at the paths of each use."""

if TYPE_CHECKING:
    TaskName: TypeAlias = str  # a type checker cannot read the rows; pydantic can
else:
    TaskName = Literal[tuple(TASKS)]
