"""Triton's side of the `headrace` backend: requests → items, answers → responses.

What happens in between is in `headrace_backend`.
"""

import json
import logging
import os
import time
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from headrace_backend.cost import CostModel, fit, measure
from headrace_backend.files import require_unchanged
from headrace_backend.items import Item
from headrace_backend.lone_text import LoneTextSession, SeenSession
from headrace_backend.metrics import Reporter
from headrace_backend.neighbours import Neighbours
from headrace_backend.pipeline import Answers, Pipeline, Runs
from headrace_backend.placement import Placement
from headrace_backend.session import Session
from headrace_backend.tasks import fit_of, task_of
from headrace_backend.tensorrt import EngineLimits
from headrace_backend.tokenizer import TextTokenizer

TEXT, TEXT_PAIR, PARAMETERS = "TEXT", "TEXT_PAIR", "PARAMETERS"
DIGEST, DIGEST_BYTES = "DIGEST", 32
REFUSAL_DELAY_S = 2.0

logger = logging.getLogger("headrace_backend")


class TritonPythonModel:
    """One instance of one packaged version."""

    @staticmethod
    def auto_complete_config(config: Any) -> Any:
        """Declare DIGEST and PARAMETERS for packages from before there were these tensors.

        Triton asks unless it was started with `--disable-auto-complete-config`.
        """
        config.add_input({"name": PARAMETERS, "data_type": "TYPE_STRING", "dims": [1], "optional": True})
        config.add_output({"name": DIGEST, "data_type": "TYPE_UINT8", "dims": [DIGEST_BYTES]})
        return config

    def initialize(self, args: dict[str, str]) -> None:
        """Load the version; any fault in it is raised here and becomes Triton's reason."""
        logger.addHandler(_TritonLog())
        try:
            self._load(args)
        except Exception:
            # When one version fails, Triton (2.51) destroys the others that it loads beside it, and
            # crashes where one of them has finished in that very moment:
            # TritonBackendThread::StopBackendThread reads its instances before the thread has put
            # them back. Failing last leaves the others the time that they need.
            time.sleep(REFUSAL_DELAY_S)
            raise

    def _load(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        if config["max_batch_size"] < 1:
            raise ValueError("max_batch_size is 0; it must be at least 1.")
        version = Path(args["model_repository"], args["model_version"])
        text = (version / "manifest.json").read_bytes()
        manifest = json.loads(text)
        require_unchanged(version, manifest.get("files", {}))
        limits = EngineLimits(manifest["precision"], config["max_batch_size"], manifest["max_length"])
        placement = replace(_placement(config, args), limits=limits)
        # with one thread per instance, the tokenizer's threads would take the cores of the others
        os.environ["TOKENIZERS_PARALLELISM"] = str(placement.intra_op_threads > 1).lower()
        task = task_of(manifest)
        tokenizer = TextTokenizer(version / "tokenizer.json", fit_of(manifest, task))
        session = Session(version / "model.onnx", placement, task.graph_outputs, tokenizer.pad_id)
        if placement.io_binding is None:
            session.try_io_binding(config["max_batch_size"], manifest["max_length"])
        cost = _measured(session, placement, config["max_batch_size"], manifest["max_length"])
        sessions: tuple[Runs, Runs] = session, session
        if lone := placement.for_lone_texts():
            wide, neighbours = Session(version / "model.onnx", lone, task.graph_outputs, tokenizer.pad_id), Neighbours()
            sessions = SeenSession(session, neighbours), LoneTextSession(session, wide, neighbours)
        # another package may have taken the folder's place while its files were opened one by one
        if (version / "manifest.json").read_bytes() != text:
            raise ValueError(f"version {args['model_version']} was replaced while it was loaded; load the model again.")
        self._digest = np.frombuffer(bytes.fromhex(manifest["digest"].removeprefix("sha256:")), dtype=np.uint8)
        self._pipeline = Pipeline(tokenizer, sessions[0], task, cost, lone_session=sessions[1])
        self._reporter = Reporter(
            self._pipeline.counts,
            lambda name, description: pb_utils.MetricFamily(name=name, description=description, kind=pb_utils.MetricFamily.COUNTER),
            {"model": args["model_name"], "version": args["model_version"]},
            config["max_batch_size"],
        )

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer all requests of a Triton batch together."""
        own = [_items(request) for request in requests]
        answers = self._pipeline.answer([item for items in own for item in items])
        responses, first = [], 0
        for request, items in zip(requests, own, strict=True):
            rows = slice(first, first + len(items))
            names = request.requested_output_names()
            responses.append(pb_utils.InferenceResponse([self._tensor(name, answers, rows) for name in names]))
            first = rows.stop
        return responses

    def finalize(self) -> None:
        """Hand the last counts to Triton."""
        self._reporter.close()

    def _tensor(self, name: str, answers: Answers, rows: slice) -> Any:
        match name:
            case "ERROR":
                return pb_utils.Tensor(name, _column([error.encode() for error in answers.errors[rows]]))
            case "ANSWER":
                return pb_utils.Tensor(name, _column(answers.json[rows]))
            case "TOKENS":
                return pb_utils.Tensor(name, answers.tokens[rows, None])
            case "DIGEST":
                return pb_utils.Tensor(name, np.tile(self._digest, (rows.stop - rows.start, 1)))
            case _:
                return pb_utils.Tensor(name, answers.outputs[name][rows])


def _items(request: Any) -> list[Item]:
    texts = _strings(request, TEXT) or []
    pairs, parameters = _strings(request, TEXT_PAIR), _strings(request, PARAMETERS)
    return [Item(text, pair, given) for text, pair, given in zip(texts, pairs or repeat(None), parameters or repeat(b""), strict=False)]


def _strings(request: Any, name: str) -> list[bytes] | None:
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    return None if tensor is None else list(tensor.as_numpy().reshape(-1))


def _column(values: list[bytes]) -> Any:
    return np.array([[value] for value in values], dtype=np.object_)


def _placement(config: dict[str, Any], args: dict[str, str]) -> Placement:
    values = {name: value["string_value"] for name, value in config.get("parameters", {}).items()}
    if args["model_instance_kind"] == "GPU":
        values["device_id"] = args["model_instance_device_id"]
    instances = sum(group.get("count", 1) for group in config["instance_group"])
    placement = Placement.from_parameters(values, instances)
    if advice := placement.advice(instances):
        logger.warning(advice)
    return placement


def _measured(session: Session, placement: Placement, max_batch: int, max_length: int) -> CostModel:
    # the CPU time of one thread does not grow when other instances load at the same time
    alone = placement.provider == "CPUExecutionProvider" and placement.intra_op_threads == 1
    seen = measure(session.run_shape, max_batch, max_length, placement.cost_budget_s, time.process_time if alone else time.perf_counter)
    return fit(seen, max_batch, max_length)


class _TritonLog(logging.Handler):
    """Hands log records to Triton's own log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record with its traceback."""
        log = pb_utils.Logger.log_error if record.levelno >= logging.ERROR else pb_utils.Logger.log_warn
        log(self.format(record))
