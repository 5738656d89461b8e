"""Triton's inputs and outputs of each task: texts go in, and what can be an array comes out as one.

| task | inputs | outputs |
| --- | --- | --- |
| text-classification | TEXT, of pairs TEXT_PAIR | SCORES FP32 [labels], in the manifest's label order |
| token-classification | TEXT, PARAMETERS | ANSWER: entities |
| feature-extraction | TEXT | EMBEDDING FP32 [dimension] |
| text-ranking | TEXT (query), TEXT_PAIR (document) | SCORES FP32 [1], of this pair: who asks about several documents sorts them |
| question-answering | TEXT (question), TEXT_PAIR (context), PARAMETERS | ANSWER: spans of the context |
| zero-shot-classification | TEXT, PARAMETERS (with `candidate_labels`) | ANSWER: labels and scores |

All inputs are BYTES [1], UTF-8. PARAMETERS may be left out; it holds a JSON object. ANSWER is BYTES [1], JSON. Every task also gives
TOKENS INT32 [1], the tokens that the text has before it is cut (special tokens included), and ERROR BYTES [1], empty or why this one
text has no answer: then its scores are NaN and its ANSWER is empty.
"""

from typing import NamedTuple

from model_repository.manifest import Answering
from model_repository.postprocessing import TextClassification

TEXT, TEXT_PAIR, PARAMETERS = "TEXT", "TEXT_PAIR", "PARAMETERS"
SCORES, EMBEDDING, ANSWER = "SCORES", "EMBEDDING", "ANSWER"
TOKENS, ERROR = "TOKENS", "ERROR"

_PAIRS = ("text-ranking", "question-answering")
_WITH_PARAMETERS = ("token-classification", "question-answering", "zero-shot-classification")


class Tensors(NamedTuple):
    """Names of a task's tensors; `output` is the one that holds the answer."""

    inputs: tuple[str, ...]
    optional_inputs: tuple[str, ...]
    output: str

    @property
    def is_json(self) -> bool:
        """Whether the answer is JSON and not an array."""
        return self.output == ANSWER


def tensors_of(answering: Answering) -> Tensors:
    """The tensors of a packaged version, or of one that is to be."""
    task, settings = answering.task, answering.postprocessing
    pair = task in _PAIRS or (isinstance(settings, TextClassification) and settings.text_pair)
    with_parameters = task in _WITH_PARAMETERS
    output = ANSWER if with_parameters else EMBEDDING if task == "feature-extraction" else SCORES
    return Tensors((TEXT, TEXT_PAIR) if pair else (TEXT,), (PARAMETERS,) if with_parameters else (), output)
