"""Triton's inputs and outputs: texts go in, and what can be an array comes out as one.

Which of them a task has, its row says (`tasks.py`). All inputs are BYTES [1], UTF-8:

- TEXT, and of pairs TEXT_PAIR: every request has them.
- PARAMETERS: a JSON object; it may be left out.

A task has one output for its answer: ANSWER, BYTES [1], JSON; or numbers under a name that says
what they are, FP32 [width]: SCORES, EMBEDDING. Every task also gives TOKENS INT32 [1], the tokens
that the text has before it is cut (special tokens included; of a text of many times what the model
reads those of a beginning, which are more than it reads), and ERROR BYTES [1], which is empty or
says why this one text has no answer: then its numbers are NaN and its ANSWER is empty.

DIGEST UINT8 [32] says which package computed the row: the sha256 in its manifest. A version's
package may be replaced while a request for it is on its way, so nothing else proves it.
"""

from typing import NamedTuple

TEXT, TEXT_PAIR, PARAMETERS = "TEXT", "TEXT_PAIR", "PARAMETERS"
SCORES, EMBEDDING, ANSWER = "SCORES", "EMBEDDING", "ANSWER"
TOKENS, ERROR, DIGEST = "TOKENS", "ERROR", "DIGEST"
DIGEST_BYTES = 32


class Tensors(NamedTuple):
    """Names of a packaged version's tensors; `output` is the one that holds the answer."""

    inputs: tuple[str, ...]
    optional_inputs: tuple[str, ...]
    output: str

    @property
    def is_json(self) -> bool:
        """Whether the answer is JSON and not an array."""
        return self.output == ANSWER
