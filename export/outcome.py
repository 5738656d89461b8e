"""All that an export found, and the manifest that records it."""

from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path

from export.checkpoints.load import Reference
from export.graphs.judge import Measured
from export.graphs.making import Graphs, Making
from export.graphs.onnx_file import size_bytes
from export.inputs import Inputs
from export.provenance import Provenance
from model_repository.manifest import TOKENIZER, Manifest, Source, answer_digest, file_digest, graph_files
from model_repository.measured import Sizes, Speed, Unjudged

TOOLS = ("torch", "transformers", "tokenizers", "optimum-onnx", "onnx", "onnxruntime")


@dataclass(frozen=True)
class Outcome:
    """The reference, the graphs that were made of it, and what was measured of them.

    `making` holds the recipe as it was carried out: with the choice in the place of `auto`.
    """

    inputs: Inputs
    reference: Reference
    making: Making
    graphs: Graphs
    tokenizer: Path
    measured: Measured
    speed: Speed | None

    def manifest(self, made_by: Provenance) -> Manifest:
        """The manifest of the version that is packaged."""
        recipe, answering, packaged = self.making.recipe, self.reference.answering, self.graphs.packaged
        return Manifest(
            **answering.model_dump(),
            model=recipe.model,
            version=recipe.version,
            precision=recipe.packaged_precision,
            target=recipe.target,
            digest=answer_digest(packaged, self.tokenizer, answering),
            files={**{path.name: file_digest(path) for path in graph_files(packaged)}, TOKENIZER: file_digest(self.tokenizer)},
            source=self._source(made_by),
            quality=self.measured.quality,
            unjudged=None if self.measured.quality else self._unjudged(),
            speed=self.speed,
            measured_provider=self.making.provider,
            candidates=self.graphs.candidates,
            sensitivity=self.graphs.sensitivity,
            sizes=Sizes(fp32_bytes=size_bytes(self.graphs.fp32), packaged_bytes=size_bytes(packaged)),
            tools=self._tools(),
        )

    def _source(self, made_by: Provenance) -> Source:
        checkpoint, adapter = self.inputs.checkpoint, self.inputs.adapter
        return Source(
            checkpoint=checkpoint.name,
            checkpoint_digest=checkpoint.digest,
            revision=checkpoint.revision,
            adapter=adapter.name if adapter else None,
            adapter_digest=adapter.digest if adapter else None,
            inputs_digest=self.inputs.digest,
            recipe_revision=made_by.recipe_revision,
            command=made_by.command,
        )

    def _unjudged(self) -> Unjudged:
        same, texts = self.measured.same, self.inputs.texts
        return Unjudged(
            texts=len(same),
            same_answers=int(same.sum()),
            data=texts.name if texts else None,
            data_digest=texts.digest if texts else None,
        )

    def _tools(self) -> dict[str, str]:
        recipe = self.making.recipe
        tools = {name: installed_version(name) for name in (*TOOLS, *(["peft"] if self.inputs.adapter else []))}
        if (recipe.target, recipe.precision) == ("cpu", "int8"):
            tools["instruction_set"] = self.making.builder.instruction_set
        return tools
