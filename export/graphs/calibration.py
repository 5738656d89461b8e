"""The ranges of a graph's activations on real texts, from which static int8 takes its scales."""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

from onnxruntime.quantization.calibrate import CalibrationMethod, TensorsData
from optimum.onnxruntime.configuration import CalibrationConfig

from export.checkpoints.tokenization import Encoded
from export.errors import ExportError, first_line
from export.graphs.batches import BatchInputs, length_sorted, pad
from export.graphs.graph import ORT_ERRORS
from export.graphs.onnx_file import has_data
from export.graphs.quantize import STATIC_OPERATORS
from export.recipe.sets import Calibration

BATCH_SIZE = 8
PERCENTILE = 99.99
PERCENTILE_BINS = 2048
ENTROPY_BINS = 512
ENTROPY_LEVELS = 128
"""Candidates for the range are the bins beyond these levels.

With Optimum's default, as many bins as levels, only the whole range would be left.
"""


def calibrate(
    graph: Path, encoded: Encoded, settings: Calibration, folder: Path, advance: Callable[[int, int], None] = lambda done, total: None
) -> TensorsData:
    """The symmetric range of each tensor that static int8 quantizes, over padded batches of texts.

    The graph with its inner tensors as outputs is written to `folder`. Batches are collected one at
    a time: batches of different lengths cannot be stacked, and so only the inner tensors of one
    batch have to fit into memory.

    Raises:
        ExportError: ONNX Runtime cannot calibrate the graph.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        calibrator = _config(settings, len(encoded)).create_calibrator(
            graph.as_posix(),
            STATIC_OPERATORS,
            use_external_data_format=has_data(graph),
            force_symmetric_range=True,
            augmented_model_name=(folder / "augmented.onnx").as_posix(),
        )
        names = {node.name for node in calibrator.infer_session.get_inputs()}
        batches = length_sorted(encoded, BATCH_SIZE)
        # ONNX Runtime's collectors print
        with redirect_stdout(io.StringIO()):
            for done, rows in enumerate(batches, start=1):
                calibrator.collect_data(_Reader([_only(pad(encoded, rows), names)]))
                advance(done, len(batches))
            return calibrator.compute_data()
    except ORT_ERRORS as exc:
        raise ExportError(f"the graph cannot be calibrated by {settings.method}: {first_line(exc)}") from exc


class _Reader:
    """What ONNX Runtime's calibrators read from: `get_next` gives a batch, and None at the end."""

    def __init__(self, batches: Sequence[BatchInputs]) -> None:
        self._batches: Iterator[BatchInputs] = iter(batches)

    def get_next(self) -> BatchInputs | None:
        return next(self._batches, None)


def _config(settings: Calibration, texts: int) -> CalibrationConfig:
    new = partial(CalibrationConfig, str(settings.data), "", "", texts)
    match settings.method:
        case "minmax":
            return new(CalibrationMethod.MinMax)
        case "percentile":
            return new(CalibrationMethod.Percentile, num_bins=PERCENTILE_BINS, percentile=settings.percentile or PERCENTILE)
        case "entropy":
            return new(CalibrationMethod.Entropy, num_bins=ENTROPY_BINS, num_quantized_bins=ENTROPY_LEVELS)


def _only(inputs: BatchInputs, names: set[str]) -> BatchInputs:
    return {name: value for name, value in inputs.items() if name in names}
