"""The life of a batch of texts: tokenize → plan → run each sub-batch → post-process → back into the order of arrival."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace_backend.cost import CostModel
from headrace_backend.planner import plan
from headrace_backend.session import Session
from headrace_backend.tasks import Task
from headrace_backend.tokenizer import TextError, TextTokenizer

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answers:
    """Rows in the order of the texts."""

    outputs: Mapping[str, NDArray[np.float32]]
    """float32 [texts, width] by Triton output; the row of a text that failed is NaN."""
    errors: list[str]
    """Empty, or why this one text failed."""


class Pipeline:
    """Everything that one instance of a packaged version needs to answer."""

    def __init__(self, tokenizer: TextTokenizer, session: Session, task: Task, cost: CostModel) -> None:
        self._tokenizer = tokenizer
        self._session = session
        self._task = task
        self._cost = cost

    def answer(self, texts: Sequence[bytes]) -> Answers:
        """Answer UTF-8 texts; one that cannot be processed fails alone."""
        outputs = {name: np.full((len(texts), width), np.nan, dtype=np.float32) for name, width in self._task.widths.items()}
        answers = Answers(outputs, errors=[""] * len(texts))
        rows: list[int] = []
        token_ids: list[NDArray[np.int64]] = []
        for row, encoded in enumerate(self._tokenizer.encode(texts)):
            if isinstance(encoded, TextError):
                answers.errors[row] = str(encoded)
            else:
                rows.append(row)
                token_ids.append(encoded)
        for group in plan([len(ids) for ids in token_ids], self._cost):
            self._run(np.array(rows)[group], [token_ids[i] for i in group], answers)
        return answers

    def _run(self, rows: NDArray[np.intp], token_ids: list[NDArray[np.int64]], answers: Answers) -> None:
        try:
            outputs = self._task.finish(*self._session.run(token_ids))
        except Exception as exc:  # whatever goes wrong in one sub-batch, the others get their answers
            if len(rows) > 1:  # and so do, one by one, the texts beside the one that failed
                for i in range(len(rows)):
                    self._run(rows[i : i + 1], token_ids[i : i + 1], answers)
                return
            logger.exception("a text of %d tokens failed: %s", len(token_ids[0]), exc)
            answers.errors[rows[0]] = "The model failed on this text."
            return
        for name, values in outputs.items():
            answers.outputs[name][rows] = values
            for row in rows[~np.isfinite(values).all(axis=1)]:
                answers.outputs[name][row] = np.nan
                answers.errors[row] = "The model gave no finite number for this text."
