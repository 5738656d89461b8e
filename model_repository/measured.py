"""What was measured of a version, as its manifest keeps it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Precision = Literal["fp32", "fp16", "int8-dynamic", "int8-static"]
Target = Literal["cpu", "gpu"]
Optimization = Literal["O1", "O2", "O3", "O4"]


class Part(BaseModel):
    """A part of a manifest; fields of a later program are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Interval(Part):
    """A two-sided confidence interval."""

    low: float
    high: float
    confidence: float = 0.95


class Comparison(Part):
    """A metric of the fp32 PyTorch reference and of the packaged version on the same examples.

    `drop` is what was lost, positive where the packaged version is worse, whichever direction of
    the metric is better; `agreement` is the share of examples with the reference's answer.
    """

    reference: float
    packaged: float
    examples: int
    drop: float = Field(default_factory=lambda fields: fields["reference"] - fields["packaged"])
    interval: Interval | None = None
    agreement: float | None = None


class SliceQuality(Comparison):
    """The comparison on the examples whose `column` of the evaluation set holds `value`."""

    column: str
    value: str


class Quality(Comparison):
    """The comparison on the evaluation set, in each of its slices, and the bounds that the version
    was held to."""

    metric: str
    data: str
    data_digest: str
    columns: dict[str, str] = Field(default_factory=dict)
    """The set's column in each role; a role that is not named here has a column of its own name."""
    max_drop: float
    min_agreement: float | None = None
    max_slice_drop: float | None = None
    notes: tuple[str, ...] = ()
    """How values of the evaluation set were understood, such as class numbers."""
    chance: float | None = None
    """The metric where the reference's answers are dealt to the examples at random."""
    weak_reference: str | None = None
    """Why the reference is a poor measure, where the recipe allows one that is."""
    chosen_on: int | None = None
    """Examples of the set that chose this version among others, and are not among those of the
    figures; None where nothing was chosen by its quality."""
    slices: tuple[SliceQuality, ...] = ()


class Unjudged(Part):
    """A version whose quality nobody judged: how many of some texts it answers as the fp32 PyTorch
    reference does. They have no right answers, so it is not known whether either is right."""

    said: str = "quality was not judged"
    texts: int
    same_answers: int
    data: str | None = None
    """The texts that the recipe gives, besides the repository's own."""
    data_digest: str | None = None


class Speed(Part):
    """Texts per second through ONNX Runtime, tokenizing excluded, one thread, the same
    length-sorted batches for both graphs."""

    fp32_texts_per_s: float
    packaged_texts_per_s: float
    texts: int
    batch_size: int


class Sizes(Part):
    """Bytes of the fp32 ONNX graph and of the packaged one."""

    fp32_bytes: int
    packaged_bytes: int


class Latency(Part):
    """Median milliseconds of one call with `batch` texts padded to `tokens` tokens, tokenizing
    excluded; on a CPU with one thread."""

    batch: int
    tokens: int
    ms: float


class TriedCandidate(Part):
    """A candidate of `precision: auto`. What could not be had is None or empty; `failure` says why
    it was not taken into account."""

    precision: Precision
    optimization: Optimization | None = None
    size_bytes: int | None = None
    latencies: tuple[Latency, ...] = ()
    quality: float | None = None
    failure: str | None = None
    chosen: bool = False

    @property
    def passes(self) -> bool:
        """It was built, and passed the checks and the gate."""
        return self.failure is None


class LayerSensitivity(Part):
    """What quantizing one layer (`nodes` of the graph) and nothing else costs: how far scores move
    on average from the fp32 ones."""

    layer: str
    nodes: int
    mean_score_difference: float


class SensitivityPoint(Part):
    """A graph with the `layers_kept` most sensitive layers in fp32 and all others in int8;
    `quality` on the examples that chose."""

    layers_kept: int
    nodes_kept: int
    quality: float
    passes: bool
    size_bytes: int
    latencies: tuple[Latency, ...] = ()


class Sensitivity(Part):
    """The search for layers to keep in fp32: all layers, the most sensitive first, measured on
    `texts` texts, and what was tried."""

    texts: int
    layers: tuple[LayerSensitivity, ...]
    curve: tuple[SensitivityPoint, ...]
    layers_kept: int
    """The packaged graph keeps this many layers in fp32: the first ones of `layers`."""
