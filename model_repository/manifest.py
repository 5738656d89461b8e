"""The manifest: what a packaged version says of itself.

    <repository>/<model>/config.pbtxt
    <repository>/<model>/<version>/{model.onnx, model.onnx_data, tokenizer.json, manifest.json}

`model.onnx_data` holds the weights of a graph that is larger than one file can be (2 GB). The
manifest is written last: a directory without it is not a version.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, ValidationError, model_validator

from model_repository.postprocessing import Postprocessing, TextClassification, Windows
from model_repository.tasks import TASKS, TaskName
from model_repository.tensors import Tensors

FILE = "manifest.json"
GRAPH = "model.onnx"
GRAPH_DATA = "model.onnx_data"
TOKENIZER = "tokenizer.json"
SCHEMA_VERSION = 1

Precision = Literal["fp32", "fp16", "int8-dynamic", "int8-static"]
Target = Literal["cpu", "gpu"]
Optimization = Literal["O1", "O2", "O3", "O4"]


class ManifestError(ValueError):
    """A manifest that cannot be read; the message says which and why."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Source(_Part):
    """Where the weights came from. Digests are `sha256:<hex>` over the files that were read."""

    checkpoint: str
    checkpoint_digest: str
    revision: str | None = None
    adapter: str | None = None
    adapter_digest: str | None = None
    inputs_digest: str | None = None
    """Over the recipe and all files that it names: an export from the same inputs has nothing to
    do."""
    recipe_revision: str | None = None
    """Git commit of the recipe's folder, `-dirty` where the folder differed from it; None outside
    git."""
    command: str | None = None
    """The command line that made the version, quoted for a shell."""


class Interval(_Part):
    """A two-sided confidence interval."""

    low: float
    high: float
    confidence: float = 0.95


class Comparison(_Part):
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


class Unjudged(_Part):
    """A version whose quality nobody judged: how many of some texts it answers as the fp32 PyTorch
    reference does. They have no right answers, so it is not known whether either is right."""

    said: str = "quality was not judged"
    texts: int
    same_answers: int
    data: str | None = None
    """The texts that the recipe gives, besides the repository's own."""
    data_digest: str | None = None


class Speed(_Part):
    """Texts per second through ONNX Runtime, tokenizing excluded, one thread, the same
    length-sorted batches for both graphs."""

    fp32_texts_per_s: float
    packaged_texts_per_s: float
    texts: int
    batch_size: int


class Sizes(_Part):
    """Bytes of the fp32 ONNX graph and of the packaged one."""

    fp32_bytes: int
    packaged_bytes: int


class Latency(_Part):
    """Median milliseconds of one call with `batch` texts padded to `tokens` tokens, tokenizing
    excluded; on a CPU with one thread."""

    batch: int
    tokens: int
    ms: float


class TriedCandidate(_Part):
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


class LayerSensitivity(_Part):
    """What quantizing one layer (`nodes` of the graph) and nothing else costs: how far scores move
    on average from the fp32 ones."""

    layer: str
    nodes: int
    mean_score_difference: float


class SensitivityPoint(_Part):
    """A graph with the `layers_kept` most sensitive layers in fp32 and all others in int8;
    `quality` on the examples that chose."""

    layers_kept: int
    nodes_kept: int
    quality: float
    passes: bool
    size_bytes: int
    latencies: tuple[Latency, ...] = ()


class Sensitivity(_Part):
    """The search for layers to keep in fp32: all layers, the most sensitive first, measured on
    `texts` texts, and what was tried."""

    texts: int
    layers: tuple[LayerSensitivity, ...]
    curve: tuple[SensitivityPoint, ...]
    layers_kept: int
    """The packaged graph keeps this many layers in fp32: the first ones of `layers`."""


class Answering(_Part):
    """What changes an answer besides the graph and the tokenizer."""

    task: TaskName
    labels: tuple[str, ...] = ()
    """Of the tasks that have them, in the order of the graph's outputs."""
    max_length: int = Field(ge=2)
    windows: Windows | None = None
    """None: a text of more than `max_length` tokens is cut."""
    postprocessing: SerializeAsAny[Postprocessing] = TextClassification()
    """The settings of the task; the default is for manifests from before tasks had settings."""

    @property
    def tensors(self) -> Tensors:
        """Triton's inputs and outputs."""
        return TASKS[self.task].tensors(self.postprocessing)

    @model_validator(mode="before")
    @classmethod
    def _postprocessing_is_the_tasks(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and isinstance(given := fields.get("postprocessing"), dict) and fields.get("task") in TASKS:
            return {**fields, "postprocessing": TASKS[fields["task"]].settings.model_validate(given)}
        return fields

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        row = TASKS[self.task]
        if type(self.postprocessing) is not row.settings:
            raise ValueError(f"postprocessing is not that of {self.task}")
        if row.labels == "needed" and not self.labels:
            raise ValueError(f"{self.task} needs labels")
        return self


class Manifest(Answering):
    """One packaged version of one model."""

    schema_version: Literal[1] = 1
    model: str = Field(min_length=1)
    version: int = Field(ge=1)
    precision: Precision
    target: Target
    digest: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    files: dict[str, str] = Field(default_factory=dict)
    """Digests of the graph, of weights beside it and of the tokenizer by file name: the backend
    loads no others."""
    source: Source
    quality: Quality | None = None
    unjudged: Unjudged | None = None
    """Where the recipe says `evaluation: none`; None where there is a quality."""
    speed: Speed | None = None
    measured_provider: str | None = None
    """ONNX Runtime's execution provider that the figures were measured with: the CPU's for a GPU
    version that was exported without a GPU."""
    candidates: tuple[TriedCandidate, ...] | None = None
    sensitivity: Sensitivity | None = None
    sizes: Sizes
    tools: dict[str, str]

    @classmethod
    def parse(cls, text: str | bytes, where: str) -> "Manifest":
        """Read a manifest from JSON.

        Raises:
            ManifestError: not JSON, or not a manifest of this schema version; the message names
                `where`.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as exc:
            faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'manifest'}: {e['msg']}" for e in exc.errors())
            raise ManifestError(f"{where}: {faults}") from exc

    def to_json(self) -> str:
        """The manifest as indented JSON, keys in declaration order."""
        return self.model_dump_json(indent=2) + "\n"


def file_digest(path: Path) -> str:
    """`sha256:<hex>` of a file's bytes."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def graph_files(graph: Path) -> list[Path]:
    """A graph's file, and that of its weights where they lie beside it."""
    data = graph.with_name(f"{graph.name}_data")
    return [graph, data] if data.is_file() else [graph]


def answer_digest(graph: Path, tokenizer: Path, answering: Answering) -> str:
    """`sha256:<hex>` over what can change an answer: graph, tokenizer, settings of `Answering`."""
    # defaults stay out: a setting that is added later changes no digest of earlier versions
    settings = answering.model_dump(mode="json", include=set(Answering.model_fields), exclude_defaults=True)
    weights = {f"{path.name} beside the graph": file_digest(path) for path in graph_files(graph)[1:]}
    parts = {"graph": file_digest(graph), **weights, "tokenizer": file_digest(tokenizer), "answering": settings}
    return f"sha256:{hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()}"


def read_versions(model: Path) -> dict[int, Manifest]:
    """The packaged versions in a model's folder, by number.

    Directories without a manifest are not versions.

    Raises:
        ManifestError: a manifest that cannot be read, or is another version's.
    """
    found = (path for path in model.glob(f"*/{FILE}") if path.parent.name.isdecimal())
    return {manifest.version: manifest for manifest in sorted(map(_read, found), key=lambda manifest: manifest.version)}


def _read(path: Path) -> Manifest:
    manifest = Manifest.parse(path.read_bytes(), where=str(path))
    if path.parent.name != str(manifest.version):
        raise ManifestError(f"{path}: it is the manifest of version {manifest.version}, and lies in a folder named {path.parent.name}")
    return manifest
