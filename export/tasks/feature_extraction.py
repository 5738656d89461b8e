"""Feature extraction: embeddings, judged by how well they rank pairs of texts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from headrace_backend.items import Item
from numpy.typing import NDArray

from export.data.dataset import Dataset
from export.errors import RecipeError
from export.evaluation.assessment import Assessment
from export.evaluation.metrics.metric import Metric, mean_of
from export.evaluation.metrics.regression import PEARSON, constant_numbers
from export.tasks.libraries import Ask, Libraries
from export.tasks.loaded import Loaded
from export.tasks.module_settings import POOLED
from export.tasks.sentence_transformer import MODULES, SentenceTransformer, TailPlan, read, require_no_rest, require_type
from export.tasks.task import Task
from model_repository.manifest import Answering
from model_repository.postprocessing import FeatureExtraction, Similarity

SAME_COSINE = 0.99
"""Two embeddings are the same answer from this cosine similarity on."""
DEALT_TEXTS = 256
"""Of a larger set, a sample shows as well what chance makes of it."""

Floats = NDArray[np.float64]


def _postprocessing(loaded: Loaded) -> FeatureExtraction:
    files, wished = _files(loaded.folder), loaded.wished
    if files:
        _require_no_layers(files, loaded)
    pooling = wished.get("pooling", files.pooling if files else None)
    normalize = wished.get("normalize", files.normalize if files else None)
    if pooling is None or normalize is None:
        raise RecipeError(
            f"postprocessing: the checkpoint has no sentence-transformers files ({MODULES}) that say how token embeddings become one; "
            "add postprocessing: {pooling: mean, normalize: true} or what it was trained with"
        )
    if "graph_output" in wished:
        raise RecipeError("postprocessing.graph_output: export decides it; remove the field")
    hidden = loaded.config.hidden_size
    pooling = str(pooling)  # what it may be is checked with the other settings
    full = files.dimension(hidden, pooling) if files else hidden * len(pooling.split("+"))
    dimension = _dimension(wished.get("dimension", files.config.get("truncate_dim") if files else None), full)
    said = files.prompt_settings | {"similarity": files.similarity} if files else {}
    settings = {
        **said,
        **wished,
        "dimension": dimension,
        "pooling": pooling,
        "normalize": normalize,
        "matryoshka_dimensions": _matryoshka_dimensions(loaded, dimension),
        "graph_output": "sentence_embedding",
    }
    return FeatureExtraction.model_validate(settings)


def _dimension(wished: object, full: int) -> int:
    """The recipe's `dimension`, else sentence-transformers' `truncate_dim`, else all numbers."""
    if wished is None:
        return full
    if not isinstance(wished, int) or isinstance(wished, bool) or wished < 1:
        raise RecipeError(f"postprocessing.dimension: give a whole number from 1 to {full}")
    return min(wished, full)


def _require_no_layers(files: SentenceTransformer, loaded: Loaded) -> None:
    """WeightedLayerPooling does nothing unless the transformer hands on all of its layers."""
    if getattr(loaded.config, "output_hidden_states", False) and any(module.kind == "WeightedLayerPooling" for module in files.modules):
        raise RecipeError(
            f"checkpoint: {files.folder / MODULES} has the module WeightedLayerPooling, and config.json says output_hidden_states: "
            "an embedding would be made of all layers, which serving does not do; choose another checkpoint"
        )


def _files(folder: Path) -> SentenceTransformer | None:
    files = read(folder)
    if files is None:
        require_no_rest(folder)
    else:
        require_type(files, "SentenceTransformer", "feature-extraction")
    return files


def _tail(files: SentenceTransformer | None, answering: Answering) -> TailPlan:
    settings = _settings(answering)
    return TailPlan(files, settings.pooling, POOLED, "sentence_embedding", settings.include_prompt)


def _settings(answering: Answering) -> FeatureExtraction:
    assert isinstance(answering.postprocessing, FeatureExtraction)  # noqa: S101 - the manifest's own check
    return answering.postprocessing


def _matryoshka_dimensions(loaded: Loaded, dimension: int) -> tuple[int, ...]:
    """The recipe's, else those of the checkpoint's `config.json` that embeddings are long enough
    for.

    The field's name is that of published checkpoints.
    """
    said = getattr(loaded.config, "matryoshka_dimensions", None) or []
    if not isinstance(said, list) or not all(isinstance(length, int) for length in said):
        raise RecipeError(
            f"checkpoint: config.json says matryoshka_dimensions: {said}, which is no list of whole numbers; correct it, or remove it"
        )
    own = [length for length in said if length <= dimension]
    given = loaded.wished.get("matryoshka_dimensions", own)
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
    """Embeddings [2 · examples, dimension] as [examples, 2, dimension]."""
    vectors = np.asarray(outputs, dtype=np.float64)
    pairs: Floats = vectors.reshape(len(vectors) // 2, 2, -1)
    return pairs


def _unit(vectors: Floats) -> Floats:
    lengths: Floats = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Floats = vectors / np.maximum(lengths, 1e-12)
    return unit


Alike = Callable[[Floats, Floats], Floats]
SIMILARITIES: Mapping[Similarity, Alike] = {
    "cosine": lambda first, second: (_unit(first) * _unit(second)).sum(axis=-1),
    "dot": lambda first, second: (first * second).sum(axis=-1),
    "euclidean": lambda first, second: -np.linalg.norm(first - second, axis=-1),
    "manhattan": lambda first, second: -np.abs(first - second).sum(axis=-1),
}
"""How alike embeddings [..., dimension] are, as sentence-transformers reckons it."""


def _similarities(alike: Alike, outputs: Any) -> Floats:
    pairs = _pairs(outputs)
    return alike(pairs[:, 0], pairs[:, 1])


def _similarity_rows(alike: Alike, pairs: Floats, rows: NDArray[np.int64]) -> Floats:
    """How alike some first texts are to all second ones: [rows, pairs]."""
    found: Floats = np.stack([alike(pairs[row, 0][None], pairs[:, 1]) for row in rows])
    return found


def _reciprocal_ranks(alike: Alike, outputs: Any) -> Floats:
    """1 / the place of a text's own partner among all partners, the most similar first."""
    pairs = _pairs(outputs)
    # one row at a time: of many texts, all similarities would not fit into memory
    rows = ((at, _similarity_rows(alike, pairs, np.array([at]))[0]) for at in range(len(pairs)))
    return np.array([1.0 / (1.0 + (similarities > similarities[at]).sum()) for at, similarities in rows])


def _dealer_of_partners(alike: Alike, outputs: Any) -> Callable[[np.random.Generator], float]:
    """The mean reciprocal rank where each first text has the second one of another at random.

    What texts are alike stays as it is, so a deal only looks up places; of many texts a sample of
    `DEALT_TEXTS` is dealt among all second texts.
    """
    pairs = _pairs(outputs)
    rows = np.random.default_rng(0).permutation(len(pairs))[:DEALT_TEXTS]
    similarities = _similarity_rows(alike, pairs, rows)
    ordered = np.sort(similarities, axis=1)

    def deal(rng: np.random.Generator) -> float:
        partners = rng.permutation(len(pairs))[: len(rows)]
        own = np.take_along_axis(similarities, partners[:, None], axis=1)[:, 0]
        better = [len(row) - np.searchsorted(row, value, side="right") for row, value in zip(ordered, own, strict=True)]
        return float((1.0 / (1.0 + np.array(better))).mean())

    return deal


def _same(first: Any, second: Any) -> NDArray[np.bool_]:
    cosines = SIMILARITIES["cosine"](_pairs(first), _pairs(second))
    same: NDArray[np.bool_] = (cosines >= SAME_COSINE).all(axis=1)
    return same


def _ranks(values: NDArray[Any]) -> NDArray[Any]:
    from scipy.stats import rankdata  # takes as long to import as the rest of the command line

    ranks: NDArray[Any] = rankdata(values)
    return ranks


def _fault(metric: str, dataset: Dataset, truth: Floats) -> str | None:
    if metric == "mrr":
        return None if len(truth) > 1 else f"evaluation.data: mrr needs several pairs of texts, and {dataset.table.path} holds one"
    return constant_numbers(metric, dataset, truth)


def _deal(outputs: Any, truth: Floats, rng: np.random.Generator) -> tuple[Any, Floats]:
    """Each first text with a second one that may be another's."""
    pairs = np.asarray(outputs).reshape(len(outputs) // 2, 2, -1)
    dealt = np.stack([pairs[:, 0], pairs[rng.permutation(len(pairs)), 1]], axis=1)
    return dealt.reshape(len(outputs), -1), truth


def _assessment(similarity: Similarity) -> Assessment:
    """Correlation of similarities with the labels, by rank or by value; or the mean reciprocal rank
    of each text's partner.

    Ties share the mean of their ranks; resamples keep the ranks.
    """
    alike = SIMILARITIES[similarity]
    metrics = (
        Metric("spearman", lambda outputs, truth: PEARSON.statistics(_ranks(_similarities(alike, outputs)), _ranks(truth)), PEARSON.reduce),
        Metric("pearson", lambda outputs, truth: PEARSON.statistics(_similarities(alike, outputs), truth), PEARSON.reduce),
        replace(
            mean_of("mrr", lambda outputs, truth: _reciprocal_ranks(alike, outputs)),
            dealer=lambda outputs, truth: _dealer_of_partners(alike, outputs),
        ),
    )
    return Assessment(_truth, {metric.name: metric for metric in metrics}, _same, deal=_deal, fault=_fault, all_one=lambda truth: False)


EMBEDDINGS = _assessment("cosine")
"""By cosine similarity, as most models are trained."""


def _reference(libraries: Libraries) -> Ask:
    model = libraries.sentence_transformer()
    return lambda item: model.encode([item.text.decode()], batch_size=1, show_progress_bar=False)[0]


TASK = Task(
    name="feature-extraction",
    optimum_task="feature-extraction",
    auto_model="AutoModel",
    outputs={"sentence_embedding": 2},
    postprocessing=_postprocessing,
    items=_items,
    assessment=lambda dataset, answering: _assessment(_settings(answering).similarity),
    metrics=tuple(EMBEDDINGS.metrics),
    reference=_reference,
    probabilities=lambda answering: False,
    files=_files,
    tail=_tail,
    needs_label=lambda metric: metric != "mrr",
)
