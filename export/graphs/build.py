"""From the fp32 graph to that of a candidate: optimized, in half precision, or int8.

What two candidates share is made once.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from onnxruntime.quantization.calibrate import TensorsData
from transformers import PretrainedConfig

from export.checkpoints.tokenization import Encoded
from export.errors import ExportError
from export.graphs.calibration import calibrate
from export.graphs.candidates import Candidate
from export.graphs.half_precision import to_float16
from export.graphs.optimize import optimize
from export.graphs.quantize import Nodes, quantize, quantize_static
from export.recipe.recipe import InstructionSet
from export.recipe.sets import Calibration
from model_repository.measured import Optimization, Target


@dataclass(frozen=True)
class CalibrationBatches:
    """How to calibrate static int8, and the encoded texts to do it with."""

    settings: Calibration
    encoded: Encoded


@dataclass
class Builder:
    """Makes graphs of one fp32 graph, each in a folder of its own under `folder`."""

    fp32: Path
    folder: Path
    config: PretrainedConfig
    target: Target
    instruction_set: InstructionSet
    calibration: CalibrationBatches | None = None
    _optimized: dict[Optimization, Path] = field(default_factory=dict)
    _ranges: dict[Path, TensorsData] = field(default_factory=dict)

    def build(self, candidate: Candidate) -> Path:
        """The graph of a candidate.

        Raises:
            ExportError: one of its steps is not possible for this model.
        """
        source = self.optimized(candidate.optimization)
        match candidate.precision:
            case "fp16":
                return self.float16(source, candidate.optimization)
            case "int8":
                return self.int8(source, str(candidate).replace(" ", "-"))
        return source

    def optimized(self, level: Optimization | None) -> Path:
        """The fp32 graph, or that of an optimization level (O4 is in half precision)."""
        if level is None:
            return self.fp32
        if level not in self._optimized:
            self._optimized[level] = optimize(self.fp32, self.folder / level, level, self.config, self.target)
        return self._optimized[level]

    def float16(self, source: Path, level: Optimization | None) -> Path:
        """A graph in half precision."""
        return source if level == "O4" else to_float16(source, self.folder / f"fp16-{level or 'plain'}")

    def int8(
        self, source: Path, name: str, nodes: Nodes | None = None, advance: Callable[[int, int], None] = lambda done, total: None
    ) -> Path:
        """An int8 graph in the folder `name`, dynamic for a CPU and static for a GPU.

        `nodes` says which nodes to quantize.
        """
        folder = self.folder / name
        if self.target == "cpu":
            return quantize(source, folder, self.instruction_set, self.config, nodes)
        if self.calibration is None:
            raise ExportError("static int8 needs texts to calibrate with; add the field calibration to the recipe")
        if source not in self._ranges:
            self._ranges[source] = calibrate(
                source, self.calibration.encoded, self.calibration.settings, self.folder / "calibration", advance
            )
        return quantize_static(source, folder, self._ranges[source], self.config, nodes)
