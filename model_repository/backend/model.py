"""Triton's side of the `headrace` backend: requests → texts, answers → responses. What happens in between is in `headrace_backend`."""

import json
import logging
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from headrace_backend.cost import CostModel, fit, measure
from headrace_backend.pipeline import Answers, Pipeline
from headrace_backend.session import Placement, Session
from headrace_backend.tasks import task_of
from headrace_backend.tensorrt import EngineLimits
from headrace_backend.tokenizer import TextTokenizer

TEXT, ERROR = "TEXT", "ERROR"
MEASURING_BUDGET_S = 0.5


class TritonPythonModel:
    """One instance of one packaged version."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the version; whatever is wrong with it is raised here and becomes Triton's reason."""
        logging.getLogger("headrace_backend").addHandler(_TritonLog())
        config = json.loads(args["model_config"])
        if config["max_batch_size"] < 1:
            raise ValueError("max_batch_size is 0; it must be at least 1.")
        version = Path(args["model_repository"], args["model_version"])
        manifest = json.loads((version / "manifest.json").read_text(encoding="utf-8"))
        limits = EngineLimits(manifest["precision"], config["max_batch_size"], manifest["max_length"])
        placement = replace(_placement(config.get("parameters", {}), args), limits=limits)
        # with one thread to an instance, the tokenizer's thread pool would take the cores from the others
        os.environ["TOKENIZERS_PARALLELISM"] = str(placement.intra_op_threads > 1).lower()
        task = task_of(manifest)
        tokenizer = TextTokenizer(version / "tokenizer.json", manifest["max_length"])
        session = Session(version / "model.onnx", placement, task.graph_outputs, tokenizer.pad_id)
        cost = _measured(session, placement, config["max_batch_size"], manifest["max_length"])
        self._pipeline = Pipeline(tokenizer, session, task, cost)

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer all requests of a Triton batch together."""
        texts = [pb_utils.get_input_tensor_by_name(request, TEXT).as_numpy().reshape(-1) for request in requests]
        answers = self._pipeline.answer([text for own in texts for text in own])
        responses, first = [], 0
        for request, own in zip(requests, texts, strict=True):
            rows = slice(first, first + len(own))
            responses.append(pb_utils.InferenceResponse([_tensor(name, answers, rows) for name in request.requested_output_names()]))
            first = rows.stop
        return responses


def _tensor(name: str, answers: Answers, rows: slice) -> Any:
    if name == ERROR:
        return pb_utils.Tensor(ERROR, np.array([[error.encode()] for error in answers.errors[rows]], dtype=np.object_))
    return pb_utils.Tensor(name, answers.outputs[name][rows])


def _placement(parameters: dict[str, dict[str, str]], args: dict[str, str]) -> Placement:
    values = {name: value["string_value"] for name, value in parameters.items()}
    if args["model_instance_kind"] == "GPU":
        values["device_id"] = args["model_instance_device_id"]
    return Placement.from_parameters(values)


def _measured(session: Session, placement: Placement, max_batch: int, max_length: int) -> CostModel:
    # the time that one thread itself works does not grow when other instances load beside it
    alone = placement.provider == "CPUExecutionProvider" and placement.intra_op_threads == 1
    seen = measure(session.run_shape, max_batch, max_length, MEASURING_BUDGET_S, time.process_time if alone else time.perf_counter)
    return fit(seen, max_batch, max_length)


class _TritonLog(logging.Handler):
    """Hands log records to Triton's own log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record with its traceback."""
        pb_utils.Logger.log_error(self.format(record))
