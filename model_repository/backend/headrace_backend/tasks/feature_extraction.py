"""Feature extraction: one embedding for a text, as sentence-transformers makes it.

The graph pools the token embeddings and runs the modules after that; in older versions it ends
before, and the tokens are pooled here.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace_backend.functions import Floats
from headrace_backend.items import Query, Window
from headrace_backend.prompts import Prompts
from headrace_backend.tasks.task import Result, Task, only

EMBEDDING = "EMBEDDING"
_EPSILON = np.float32(1e-12)


def _mean(tokens: Floats, lengths: NDArray[np.intp]) -> Floats:
    mask = (np.arange(tokens.shape[1]) < lengths[:, None]).astype(np.float32)
    pooled: Floats = np.einsum("bth,bt->bh", tokens, mask) / lengths[:, None].astype(np.float32)
    return pooled


def _max(tokens: Floats, lengths: NDArray[np.intp]) -> Floats:
    outside = np.arange(tokens.shape[1]) >= lengths[:, None]
    pooled: Floats = np.where(outside[:, :, None], -np.inf, tokens).max(axis=1).astype(np.float32)
    return pooled


POOLINGS: Mapping[str, Callable[[Floats, NDArray[np.intp]], Floats]] = {
    "mean": _mean,
    "max": _max,
    "cls": lambda tokens, lengths: tokens[:, 0],
    "lasttoken": lambda tokens, lengths: tokens[np.arange(len(tokens)), lengths - 1],
}
"""Token embeddings [batch, sequence, dimension] and lengths [batch] → [batch, dimension].

The names are those of sentence-transformers' Pooling."""


class FeatureExtraction(Task):
    """`sentence_embedding` float32 [batch, width], or `last_hidden_state` float32 [batch, sequence,
    dimension] → EMBEDDING float32 [dimension].

    The mean, weighted by tokens, joins the embeddings of several windows. Then the embedding is
    brought to length 1 where the model or the request normalizes, and cut to `dimension`.
    """

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        """The task as a manifest says."""
        settings = manifest["postprocessing"]
        output = settings.get("graph_output", "last_hidden_state")
        self.graph_outputs = (output,)
        self.widths = {EMBEDDING: settings["dimension"]}
        self._prompts = Prompts(settings)
        self.parameters = {"normalize": settings["normalize"], **self._prompts.parameters}
        self._pool = POOLINGS[settings["pooling"]] if output == "last_hidden_state" else None

    def queries(self, query: Query, parameters: Mapping[str, Any]) -> list[Query]:
        """The text after its prompt."""
        return [self._prompts.put_before(query, parameters)]

    def finish(self, fetched: Sequence[NDArray[np.float32]], windows: Sequence[Window]) -> Floats:
        """Pooled embeddings [batch, width]."""
        (embeddings,) = fetched
        if self._pool is None:
            return embeddings
        return self._pool(embeddings, np.array([len(window.ids) for window in windows]))

    def answer(self, query: Query, parameters: Mapping[str, Any], results: Sequence[Sequence[Result]]) -> dict[str, Floats]:
        """The text's embedding [dimension]."""
        windows = only(results)
        embedding = windows[0].value
        if len(windows) > 1:
            weights = [len(result.window.ids) for result in windows]
            embedding = np.average([result.value for result in windows], axis=0, weights=weights).astype(np.float32)
        if parameters["normalize"]:
            embedding = embedding / max(np.linalg.norm(embedding), _EPSILON)
        return {EMBEDDING: embedding[: self.widths[EMBEDDING]]}


TASK = FeatureExtraction
