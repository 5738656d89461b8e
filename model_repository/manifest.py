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

from pydantic import Field, SerializeAsAny, ValidationError, model_validator

from model_repository.measured import Part, Precision, Quality, Sensitivity, Sizes, Speed, Target, TriedCandidate, Unjudged
from model_repository.postprocessing import Postprocessing, TextClassification, Windows
from model_repository.tasks import TASKS, TaskName
from model_repository.tensors import Tensors

FILE = "manifest.json"
GRAPH = "model.onnx"
GRAPH_DATA = "model.onnx_data"
TOKENIZER = "tokenizer.json"
SCHEMA_VERSION = 1


class ManifestError(ValueError):
    """A manifest that cannot be read; the message says which and why."""


class Source(Part):
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


class Answering(Part):
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
