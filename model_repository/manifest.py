"""The manifest: what a packaged version says of itself.

    <repository>/<model>/config.pbtxt
    <repository>/<model>/<version>/{model.onnx, tokenizer.json, manifest.json}

The manifest is written last: a directory without it is not a version.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

FILE = "manifest.json"
GRAPH = "model.onnx"
TOKENIZER = "tokenizer.json"
SCHEMA_VERSION = 1

Task = Literal["text-classification"]
Precision = Literal["fp32", "fp16", "int8-dynamic", "int8-static"]
Target = Literal["cpu", "gpu"]


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
    """Over the recipe and all files that it names: an export from the same inputs has nothing to do."""
    recipe_revision: str | None = None
    """Git commit of the recipe's folder, `-dirty` where the folder differed from it; None outside git."""
    command: str | None = None
    """The command line that made the version, quoted for a shell."""


class Quality(_Part):
    """`metric` of the fp32 PyTorch reference and of the packaged version on the same examples."""

    metric: str
    reference: float
    packaged: float
    examples: int
    data: str
    data_digest: str
    max_drop: float


class Speed(_Part):
    """Texts per second through ONNX Runtime, tokenizing excluded, one thread, the same length-sorted batches for both graphs."""

    fp32_texts_per_s: float
    packaged_texts_per_s: float
    texts: int
    batch_size: int


class Sizes(_Part):
    """Bytes of the fp32 ONNX graph and of the packaged one."""

    fp32_bytes: int
    packaged_bytes: int


class Manifest(_Part):
    """One packaged version of one model."""

    schema_version: Literal[1] = 1
    model: str = Field(min_length=1)
    version: int = Field(ge=1)
    task: Task
    labels: tuple[str, ...] = Field(min_length=1)
    max_length: int = Field(ge=2)
    precision: Precision
    target: Target
    digest: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    source: Source
    quality: Quality | None = None
    speed: Speed | None = None
    sizes: Sizes
    tools: dict[str, str]

    @classmethod
    def parse(cls, text: str | bytes, where: str) -> "Manifest":
        """Read a manifest from JSON.

        Raises:
            ManifestError: not JSON, or not a manifest of this schema version; `where` is named in the message.
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


def answer_digest(graph: Path, tokenizer: Path, postprocessing: dict[str, Any]) -> str:
    """`sha256:<hex>` over what can change an answer: graph, tokenizer, and the post-processing settings (task, labels, max_length …)."""
    parts = {"graph": file_digest(graph), "tokenizer": file_digest(tokenizer), "postprocessing": postprocessing}
    return f"sha256:{hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()}"


def read_versions(model: Path) -> dict[int, Manifest]:
    """The packaged versions in a model's folder, by number; directories without a manifest are not versions.

    Raises:
        ManifestError: a manifest that cannot be read.
    """
    found = (path for path in model.glob(f"*/{FILE}") if path.parent.name.isdecimal())
    manifests = (Manifest.parse(path.read_bytes(), where=str(path)) for path in found)
    return {manifest.version: manifest for manifest in sorted(manifests, key=lambda m: m.version)}
