"""A repository of versions that nobody exported, and export's command line on it."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.__main__ import main
from export.registry import package
from model_repository import config
from model_repository.manifest import GRAPH, TOKENIZER, Answering, Manifest, Source, answer_digest
from model_repository.measured import Sizes

LABELS = ("cold", "mild", "warm")
MAX_LENGTH = 24


@dataclass(frozen=True)
class Registry:
    """A repository of versions that were packaged without an export, and the command line on it."""

    repository: Path
    graph: bytes
    tokenizer: bytes

    def add(self, version: int, model: str = "weather", **fields: Any) -> Manifest:
        """Package a version; `labels` make its answers differ from the others'."""
        return self._packaged(version, model, said=False, **fields)[0]

    def added(self, version: int, model: str = "weather", *, said: bool = False, **fields: Any) -> str | None:
        """Package a version; returns what people are told.

        `said`: it may become the default, though nobody judged it.
        """
        return self._packaged(version, model, said=said, **fields)[1]

    def _packaged(self, version: int, model: str, *, said: bool, **fields: Any) -> tuple[Manifest, str | None]:
        with tempfile.TemporaryDirectory() as folder:
            graph, tokenizer = Path(folder, GRAPH), Path(folder, TOKENIZER)
            graph.write_bytes(self.graph)
            tokenizer.write_bytes(self.tokenizer)
            answering = Answering(task="text-classification", labels=fields.pop("labels", LABELS), max_length=MAX_LENGTH)
            manifest = Manifest(
                **answering.model_dump(),
                model=model,
                version=version,
                precision="fp32",
                target="cpu",
                digest=answer_digest(graph, tokenizer, answering),
                source=Source(checkpoint="somewhere", checkpoint_digest="sha256:0"),
                sizes=Sizes(fp32_bytes=len(self.graph), packaged_bytes=len(self.graph)),
                tools={"maker": f"version {version}"},
            ).model_copy(update=fields)
            with package.staging(self.repository, manifest, graph, tokenizer) as staged:
                return manifest, package.commit(staged, self.repository, unjudged=said)

    def __call__(self, verb: str, *arguments: object) -> int:
        """Run a verb; returns the exit code."""
        return main([verb, *map(str, arguments), "--repository", str(self.repository)])

    def settings(self, model: str = "weather") -> Any:
        """The model's `config.pbtxt`."""
        return config.read(self.repository / model / config.FILE)

    def files(self) -> dict[str, bytes]:
        """All that is in the repository."""
        return {str(path.relative_to(self.repository)): path.read_bytes() for path in self.repository.rglob("*") if path.is_file()}
