"""Feature extraction: embeddings, judged by how well they rank pairs of texts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from headrace_backend.items import Item
from numpy.typing import NDArray

from export.data.dataset import Dataset
from export.errors import RecipeError
from export.evaluation.assessment import Assessment
from export.evaluation.metrics.metric import Metric, mean_of
from export.evaluation.metrics.regression import PEARSON, constant_numbers
from export.tasks.loaded import Loaded
from export.tasks.sentence_transformer import read_modules
from export.tasks.task import Task
from model_repository.manifest import Answering
from model_repository.postprocessing import FeatureExtraction

SAME_COSINE = 0.99
"""Two embeddings are the same answer from this cosine similarity on."""

Floats = NDArray[np.float64]


def _postprocessing(loaded: Loaded) -> FeatureExtraction:
    found = read_modules(loaded.folder)
    pooling = loaded.wished.get("pooling", found[0] if found else None)
    normalize = loaded.wished.get("normalize", found[1] if found else None)
    if pooling is None or normalize is None:
        raise RecipeError(
            "postprocessing: the checkpoint has no sentence-transformers files (modules.json) that say how token embeddings become one; "
            "add postprocessing: {pooling: mean, normalize: true} or what it was trained with"
        )
    dimension = loaded.config.hidden_size
    return FeatureExtraction(
        dimension=dimension, pooling=pooling, normalize=normalize, matryoshka_dimensions=_matryoshka_dimensions(loaded, dimension)
    )


def _matryoshka_dimensions(loaded: Loaded, dimension: int) -> tuple[int, ...]:
    """The recipe's, else those of the checkpoint's `config.json`.

    The field's name is that of published checkpoints.
    """
    given = loaded.wished.get("matryoshka_dimensions", getattr(loaded.config, "matryoshka_dimensions", None) or ())
    if not isinstance(given, list | tuple) or not all(isinstance(length, int) and 1 <= length <= dimension for length in given):
        raise RecipeError(f"postprocessing.matryoshka_dimensions: give a list of whole numbers from 1 to {dimension}")
    return tuple(sorted(set(given)))


def _items(dataset: Dataset, answering: Answering) -> list[Item]:
    """The two texts of each example, one after the other."""
    pairs = zip(dataset.column("text").strings(), dataset.column("text_pair").strings(), strict=True)
    return [Item(text.encode()) for pair in pairs for text in pair]


def _truth(dataset: Dataset, names: Sequence[str]) -> Floats:
    """How alike the two texts of each example are.

    Zeros where the set does not say, as for the metric mrr.
    """
    if not dataset.has("label"):
        return np.zeros(len(dataset))
    return np.array(dataset.column("label").numbers())


def _pairs(outputs: Any) -> Floats:
    """Embeddings [2 · examples, dimension], of length 1, as [examples, 2, dimension]."""
    vectors = np.asarray(outputs, dtype=np.float64)
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    pairs: Floats = vectors.reshape(len(vectors) // 2, 2, -1)
    return pairs


def _cosines(outputs: Any) -> Floats:
    pairs = _pairs(outputs)
    cosines: Floats = (pairs[:, 0] * pairs[:, 1]).sum(axis=1)
    return cosines


def _reciprocal_ranks(outputs: Any, truth: Any) -> Floats:
    """1 / the place of a text's own partner among all partners, by cosine similarity."""
    pairs = _pairs(outputs)
    similarities = pairs[:, 0] @ pairs[:, 1].T
    ranks = 1.0 + (similarities > similarities.diagonal()[:, None]).sum(axis=1)
    reciprocal: Floats = 1.0 / ranks
    return reciprocal


def _same(first: Any, second: Any) -> NDArray[np.bool_]:
    cosines = (_pairs(first) * _pairs(second)).sum(axis=2)
    same: NDArray[np.bool_] = (cosines >= SAME_COSINE).all(axis=1)
    return same


def _ranks(values: NDArray[Any]) -> NDArray[Any]:
    from scipy.stats import rankdata  # takes as long to import as the rest of the command line

    ranks: NDArray[Any] = rankdata(values)
    return ranks


METRICS = (
    Metric("spearman", lambda outputs, truth: PEARSON.statistics(_ranks(_cosines(outputs)), _ranks(truth)), PEARSON.reduce),
    Metric("pearson", lambda outputs, truth: PEARSON.statistics(_cosines(outputs), truth), PEARSON.reduce),
    mean_of("mrr", _reciprocal_ranks),
)
"""Correlation of cosine similarities with the labels, by rank or by value; or the mean reciprocal
rank of each text's partner. Ties share the mean of their ranks; resamples keep the ranks."""


def _fault(metric: str, dataset: Dataset, truth: Floats) -> str | None:
    if metric == "mrr":
        return None if len(truth) > 1 else f"evaluation.data: mrr needs several pairs of texts, and {dataset.table.path} holds one"
    return constant_numbers(metric, dataset, truth)


def _deal(outputs: Any, truth: Floats, rng: np.random.Generator) -> tuple[Any, Floats]:
    """Each first text with a second one that may be another's."""
    pairs = np.asarray(outputs).reshape(len(outputs) // 2, 2, -1)
    dealt = np.stack([pairs[:, 0], pairs[rng.permutation(len(pairs)), 1]], axis=1)
    return dealt.reshape(len(outputs), -1), truth


EMBEDDINGS = Assessment(_truth, {metric.name: metric for metric in METRICS}, _same, deal=_deal, fault=_fault)

TASK = Task(
    name="feature-extraction",
    optimum_task="feature-extraction",
    auto_model="AutoModel",
    outputs={"last_hidden_state": 3},
    postprocessing=_postprocessing,
    items=_items,
    assessment=lambda dataset, answering: EMBEDDINGS,
    metrics=tuple(EMBEDDINGS.metrics),
    probabilities=False,
    needs_label=lambda metric: metric != "mrr",
)
