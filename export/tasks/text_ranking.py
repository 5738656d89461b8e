"""Text ranking: documents for a query, judged by the order of their scores."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from headrace_backend.items import Item
from numpy.typing import NDArray

from export.data.dataset import Dataset
from export.errors import RecipeError
from export.evaluation.assessment import Assessment
from export.evaluation.metrics.metric import mean_of
from export.tasks.libraries import Ask, Libraries, texts_of
from export.tasks.loaded import Loaded
from export.tasks.module_settings import SCORES
from export.tasks.sentence_transformer import CONFIG, MODULES, SentenceTransformer, TailPlan, read
from export.tasks.task import Task
from model_repository.manifest import Answering
from model_repository.postprocessing import TextRanking

DEPTH = 10
"""Documents that count, from the best on."""
_OLD_ACTIVATION = "sbert_ce_default_activation_function"
_ACTIVATIONS: Mapping[str, str] = {"Identity": "identity", "Sigmoid": "sigmoid", "Tanh": "tanh"}
"""By the names that torch has; softmax of one score would always be 1."""

Floats = NDArray[np.float64]


class Relevance(NamedTuple):
    """How relevant each document is to its query: a row for each example.

    In `items` the documents of all examples stand one after another.
    """

    gains: list[Floats]

    def split(self, outputs: Any) -> list[Floats]:
        """Scores [documents of all examples, 1] as one array for each example."""
        ends = np.cumsum([len(gains) for gains in self.gains])[:-1]
        return np.split(np.asarray(outputs, dtype=np.float64)[:, 0], ends)


def _postprocessing(loaded: Loaded) -> TextRanking:
    files = _files(loaded.folder)
    if files and files.has_head:
        outputs, head = files.outputs(loaded.config.hidden_size), str(files.folder / MODULES)
    else:
        outputs, head = loaded.config.num_labels, "the checkpoint's head"
    if outputs != 1:
        raise RecipeError(
            f"task: text-ranking needs one score for each pair, and {head} gives {outputs}; for scores of labels write "
            "task: text-classification with postprocessing: {text_pair: true}"
        )
    said = files.prompt_settings if files else {}
    function = loaded.wished.get("function") or _function(loaded, files)
    return TextRanking.model_validate({**said, **loaded.wished, "function": function})


def _files(folder: Path) -> SentenceTransformer | None:
    """The files of a cross-encoder; those of another model are not read by sentence-transformers
    where it scores pairs."""
    files = read(folder)
    if files is None or files.model_type != "CrossEncoder":
        return None
    return files


def _tail(files: SentenceTransformer | None, answering: Answering) -> TailPlan | None:
    if files is None or not files.has_head:
        return None
    return TailPlan(files, None, SCORES, "logits", files.include_prompt)


def _function(loaded: Loaded, files: SentenceTransformer | None) -> str:
    """The activation that `CrossEncoder.predict` takes.

    sentence-transformers looks in three places, in this order; in none of them, it is sigmoid.
    """
    new = getattr(loaded.config, "sentence_transformers", None)
    places = (
        (CONFIG, "activation_fn", files.config.get("activation_fn") if files else None),
        ("config.json", "sentence_transformers.activation_fn", new.get("activation_fn") if isinstance(new, dict) else None),
        ("config.json", _OLD_ACTIVATION, getattr(loaded.config, _OLD_ACTIVATION, None)),
    )
    for file, field, name in places:
        if name is not None:
            return _known_activation(f"checkpoint: {loaded.folder / file}: {field}", name)
    return "sigmoid"


def _known_activation(place: str, name: object) -> str:
    found = _ACTIVATIONS.get(name.rpartition(".")[2]) if isinstance(name, str) and name.startswith("torch.nn.") else None
    if found is None:
        raise RecipeError(
            f"{place} is {name!r}, and serving has {', '.join(_ACTIVATIONS)} of torch.nn; write postprocessing: {{function: identity}} for "
            "raw scores, which have the same order where the activation grows with them"
        )
    return found


def _items(dataset: Dataset, answering: Answering) -> list[Item]:
    queries, documents = dataset.column("query").strings(), _documents(dataset)
    return [Item(query.encode(), document.encode()) for query, own in zip(queries, documents, strict=True) for document in own]


def _documents(dataset: Dataset) -> list[list[str]]:
    return dataset.column("documents").parsed().read(_texts, "a list of texts, one at least")


def _texts(value: object) -> list[str] | None:
    return value if isinstance(value, list) and value and all(isinstance(text, str) for text in value) else None


def _gains(value: object) -> Floats | None:
    if not isinstance(value, list) or not all(isinstance(number, int | float) and np.isfinite(number) for number in value):
        return None
    return np.array(value, dtype=np.float64)


def _truth(dataset: Dataset, names: Sequence[str]) -> Relevance:
    """The `relevance` of each of an example's `documents`: numbers, 0 for not relevant.

    Raises:
        RecipeError: an example without documents, or with another number of relevances.
    """
    gains = dataset.column("relevance").parsed().read(_gains, "a list of numbers")
    for row, (texts, own) in enumerate(zip(_documents(dataset), gains, strict=True)):
        if len(texts) != len(own):
            raise RecipeError(
                f"evaluation.columns.relevance: {dataset.table.where(row)} has {len(texts)} documents and {len(own)} relevances; "
                "one number is needed for each document"
            )
    return Relevance(gains)


def ndcg(scores: Floats, gains: Floats) -> float:
    """Normalized discounted cumulative gain of the first `DEPTH`; 1 where nothing is relevant.

    The source is Järvelin and Kekäläinen 2002.
    """
    discounts = 1 / np.log2(np.arange(2, min(len(gains), DEPTH) + 2))
    order = np.argsort(-scores, kind="stable")[:DEPTH]
    best = np.sort(gains)[::-1][:DEPTH] @ discounts
    return float(gains[order] @ discounts / best) if best > 0 else 1.0


def reciprocal_rank(scores: Floats, gains: Floats) -> float:
    """1 / the place of the first relevant document among the first `DEPTH`, 0 without one."""
    places = np.flatnonzero(gains[np.argsort(-scores, kind="stable")[:DEPTH]] > 0)
    return 1.0 / (places[0] + 1) if len(places) else 0.0


NDCG = mean_of(
    f"ndcg@{DEPTH}", lambda outputs, truth: np.array([ndcg(s, g) for s, g in zip(truth.split(outputs), truth.gains, strict=True)])
)
MRR = mean_of(
    f"mrr@{DEPTH}", lambda outputs, truth: np.array([reciprocal_rank(s, g) for s, g in zip(truth.split(outputs), truth.gains, strict=True)])
)


def _assessment(dataset: Dataset, answering: Answering) -> Assessment:
    truth = _truth(dataset, ())

    def same_best(first: Any, second: Any) -> NDArray[np.bool_]:
        pairs = zip(truth.split(first), truth.split(second), strict=True)
        return np.array([one.argmax() == other.argmax() for one, other in pairs])

    def deal(outputs: Any, truth: Relevance, rng: np.random.Generator) -> tuple[Any, Relevance]:
        return outputs, Relevance([rng.permutation(gains) for gains in truth.gains])

    return Assessment(_truth, {metric.name: metric for metric in (NDCG, MRR)}, same_best, deal=deal, all_one=lambda truth: False)


def _reference(libraries: Libraries) -> Ask:
    model = libraries.cross_encoder()

    def answer(item: Item) -> Any:
        return np.array([model.predict([texts_of(item)], batch_size=1, show_progress_bar=False)[0]], dtype=np.float32).reshape(1)

    return answer


TASK = Task(
    name="text-ranking",
    optimum_task="text-classification",
    auto_model="AutoModelForSequenceClassification",
    outputs={"logits": 2},
    postprocessing=_postprocessing,
    items=_items,
    assessment=_assessment,
    metrics=(NDCG.name, MRR.name),
    reference=_reference,
    probabilities=lambda answering: False,
    files=_files,
    tail=_tail,
    without_head=("feature-extraction", "AutoModel"),
)
