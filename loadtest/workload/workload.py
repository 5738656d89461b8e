"""What a load test sends: texts, their repeats, the dialect, the models, and the units."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loadtest.workload.effect import Effect

MAX_BATCH_SIZE = 64
DIALECTS = ("kserve-v1", "open-inference", "openai", "tei-embed", "tei-predict", "tei-rerank")
INPUT_SHAPES = ("n,1", "n")
"""Those of a tensor of n texts: as Triton batches them, and as KServe's own runtimes have them."""


class WorkloadError(ValueError):
    """A workload that cannot be sent as asked; the message names the field and its bounds."""


@dataclass(frozen=True, slots=True)
class Target:
    """A model, or one of its versions outside any experiment.

    `weight` is its share among the targets. Without a `model` it is the only one that a server of
    TEI has. The others are for the dialect open-inference: the model's `input` tensor and its shape
    for n texts, and the `output` that must have a row for each text ("": the first).
    """

    model: str = ""
    version: int | None = None
    weight: float = 1.0
    input: str = "TEXT"
    input_shape: str = INPUT_SHAPES[0]
    output: str = ""

    @property
    def has_tensors(self) -> bool:
        """Whether a tensor was named that is not Headrace's own."""
        return (self.input, self.input_shape, self.output) != ("TEXT", INPUT_SHAPES[0], "")

    def __post_init__(self) -> None:
        _require("version", self.version is None or self.version >= 1, "at least 1")
        _require("weight", 0 < self.weight < math.inf, "more than 0")
        _require("input", bool(self.input), "the name of a tensor")
        _require("input_shape", self.input_shape in INPUT_SHAPES, f"one of {' and '.join(INPUT_SHAPES)}")


@dataclass(frozen=True, slots=True)
class BatchSize:
    """Requests with `texts` texts; `weight` is their share among the requests."""

    texts: int
    weight: float = 1.0

    def __post_init__(self) -> None:
        _require("batch-size", 1 <= self.texts <= MAX_BATCH_SIZE, f"between 1 and {MAX_BATCH_SIZE}")
        _require("weight", 0 < self.weight < math.inf, "more than 0")


@dataclass(frozen=True, slots=True)
class LengthBand:
    """Texts of the corpus with `min_words` to `max_words` words.

    `weight` is their share among the texts that are sent.
    """

    min_words: int
    max_words: int
    weight: float = 1.0

    def __post_init__(self) -> None:
        _require("lengths", 0 <= self.min_words <= self.max_words, "from few words to as many or more")
        _require("weight", 0 < self.weight < math.inf, "more than 0")


@dataclass(frozen=True, slots=True)
class Zipf:
    """Texts from a catalogue of `texts`: some are asked often, most are asked rarely.

    The n-th has a probability proportional to n ** -exponent.
    """

    exponent: float
    texts: int = 10_000

    def __post_init__(self) -> None:
        _require("zipf.exponent", 0 <= self.exponent < math.inf, "0 or more")
        _require("zipf.texts", self.texts >= 1, "at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What is sent.

    `repeat` is the share of texts that come from a small pool, which the cache is given before the
    measurement. `zipf` replaces the pool, and starts with a cold cache. `units` is the population
    that `X-Unit-ID` is drawn from, evenly or, with `unit_exponent`, by Zipf's law. With `trace`,
    the numbers of texts, their repeats, models, versions and units are those that were recorded.
    With an `effect`, outcomes of the units are posted.
    """

    corpus: Path
    targets: tuple[Target, ...]
    dialect: str = DIALECTS[0]
    repeat: float = 0.3
    zipf: Zipf | None = None
    batch_sizes: tuple[BatchSize, ...] = field(default_factory=lambda: (BatchSize(1),))
    lengths: tuple[LengthBand, ...] = ()
    units: int = 10_000
    unit_exponent: float = 0.0
    trace: Path | None = None
    effect: Effect | None = None

    def __post_init__(self) -> None:
        _require("targets", len(self.targets) >= 1, "at least one model")
        _require("dialect", self.dialect in DIALECTS, f"one of {', '.join(DIALECTS)}")
        _require(
            "targets",
            not self.dialect.startswith("tei-") or all(target.version is None for target in self.targets),
            "without versions: TEI's dialect cannot ask for one",
        )
        _require(
            "targets",
            self.dialect == "open-inference" or not any(target.has_tensors for target in self.targets),
            "without input, input_shape and output: only open-inference has tensors",
        )
        _require("targets", self.dialect.startswith("tei-") or all(self.models), "with a model each: only TEI's dialects do without")
        _require("repeat", 0 <= self.repeat <= 1, "between 0 and 1")
        _require("batch-size", len(self.batch_sizes) >= 1, "at least one size")
        _require("units", self.units >= 1, "at least 1")
        _require("unit-exponent", 0 <= self.unit_exponent < math.inf, "0 or more")

    @property
    def mean_batch_size(self) -> float:
        """Texts a request, on average."""
        return sum(size.texts * size.weight for size in self.batch_sizes) / sum(size.weight for size in self.batch_sizes)

    @property
    def models(self) -> Sequence[str]:
        """The models that requests go to, each once."""
        return list(dict.fromkeys(target.model for target in self.targets))


def _require(name: str, holds: bool, bound: str) -> None:
    if not holds:
        raise WorkloadError(f"{name} must be {bound}")
