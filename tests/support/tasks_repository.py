"""Tiny BERTs with random weights, one for each task, exported in fp32 by the real pipeline."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from export.inputs import Inputs
from export.pipeline import export
from export.progress import Progress
from export.quiet import quieten
from export.recipe.recipe import Recipe
from model_repository.server import TritonUnavailable

quieten()

import torch  # noqa: E402 - the libraries read their settings when they are imported
import transformers  # noqa: E402
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors  # noqa: E402

WORDS = [f"{a}{b}" for a in ("al", "be", "co", "du", "el", "fi", "go", "hu") for b in ("na", "no", "ra", "ro", "ta", "to", "va", "vo")]
MAX_LENGTH = 24
DIMENSION = 32
WEATHER, ENTITIES, NLI = ("cold", "mild", "warm"), ("O", "B-PORT", "I-PORT", "B-GOOD"), ("contradiction", "neutral", "entailment")


@dataclass(frozen=True)
class Kind:
    """How a model is made and exported.

    `architecture` is its transformers class. `configuration` and `recipe` are further fields of its
    configuration and recipe; `example` makes an example of two texts.
    """

    architecture: str
    task: str
    example: Callable[[str, str], dict[str, Any]]
    configuration: Mapping[str, Any]
    recipe: Mapping[str, Any]


def _named(labels: tuple[str, ...], **fields: Any) -> dict[str, Any]:
    return {"id2label": dict(enumerate(labels)), "label2id": {label: at for at, label in enumerate(labels)}, **fields}


KINDS: Mapping[str, Kind] = {
    "weather": Kind("BertForSequenceClassification", "text-classification", lambda a, b: {"text": a, "label": "cold"}, _named(WEATHER), {}),
    "moods": Kind(
        "BertForSequenceClassification",
        "text-classification",
        lambda a, b: {"text": a, "label": ["wet"]},
        _named(("wet", "grey", "dark"), problem_type="multi_label_classification"),
        {"postprocessing": {"thresholds": {"wet": 0.4}}},
    ),
    "entailment": Kind(
        "BertForSequenceClassification",
        "text-classification",
        lambda a, b: {"text": a, "other": b, "label": "neutral"},
        _named(NLI),
        {"postprocessing": {"text_pair": True}, "text_pair": "other"},
    ),
    "entities": Kind(
        "BertForTokenClassification",
        "token-classification",
        lambda a, b: {"text": a, "entities": [{"label": "PORT", "start": 0, "end": 4}]},
        _named(ENTITIES),
        {},
    ),
    "embeddings": Kind(
        "BertModel",
        "feature-extraction",
        lambda a, b: {"text": a, "other": b},
        {},
        {
            "postprocessing": {"pooling": "mean", "normalize": True, "matryoshka_dimensions": [8, 16, 32]},
            "text_pair": "other",
            "metric": "mrr",
        },
    ),
    "raw-embeddings": Kind(
        "BertModel",
        "feature-extraction",
        lambda a, b: {"text": a, "other": b},
        {},
        {"postprocessing": {"pooling": "cls", "normalize": False}, "text_pair": "other", "metric": "mrr"},
    ),
    "ranker": Kind(
        "BertForSequenceClassification",
        "text-ranking",
        lambda a, b: {"query": a, "documents": [b, a], "relevance": [0, 1]},
        {"num_labels": 1},
        {},
    ),
    "answers": Kind(
        "BertForQuestionAnswering",
        "question-answering",
        lambda a, b: {"question": "alna bero", "context": f"{a} {b}", "answers": ["alna"]},
        {},
        {"windows": {"stride": 8}},
    ),
    "zero-shot": Kind(
        "BertForSequenceClassification",
        "zero-shot-classification",
        lambda a, b: {"text": a, "label": random.Random(a).choice(("alna", "bero"))},
        _named(NLI),
        {"postprocessing": {"hypothesis_template": "cona {}"}},
    ),
}
"""By the name under which a model is served."""


@dataclass(frozen=True)
class TasksRepository:
    """A model repository with version 1 of each of `KINDS` and version 2 of `embeddings`.

    `checkpoints` are those that the versions were made of, by (model, version).
    """

    folder: Path
    checkpoints: Mapping[tuple[str, int], Path]
    texts: list[str]

    def checkpoint(self, model: str, version: int = 1) -> str:
        """The folder of a checkpoint, for transformers."""
        return str(self.checkpoints[model, version])


def make(folder: Path) -> TasksRepository:
    """Make the checkpoints and export them into `folder`."""
    texts = _texts()
    versions = [(model, 1) for model in KINDS] + [("embeddings", 2)]
    checkpoints = {}
    for model, version in versions:
        checkpoints[model, version] = _write_checkpoint(KINDS[model], version, folder / "checkpoints" / f"{model}-{version}")
        _export(model, version, KINDS[model], checkpoints[model, version], texts, folder)
    return TasksRepository(folder / "models", checkpoints, texts)


def make_topics(folder: Path) -> Path:
    """Two versions of a tiny classifier, served as the demo's `topics` is; returns their folder."""
    texts = _texts()
    for version in (1, 2):
        checkpoint = _write_checkpoint(KINDS["weather"], version, folder / "checkpoints" / str(version))
        _export("topics", version, KINDS["weather"], checkpoint, texts, folder)
    return folder / "models"


def _texts() -> list[str]:
    rng = random.Random(4)
    return [" ".join(rng.choices(WORDS, k=rng.randint(3, 12))) for _ in range(24)]


def _write_checkpoint(kind: Kind, seed: int, folder: Path) -> Path:
    torch.manual_seed(seed)
    configuration = transformers.BertConfig(
        vocab_size=5 + len(WORDS),
        hidden_size=DIMENSION,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
        pad_token_id=0,
        **kind.configuration,
    )
    model = getattr(transformers, kind.architecture)(configuration)
    with torch.no_grad():
        # with the usual initial weights the outputs for all texts are nearly equal
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2:
                parameter.normal_(std=1.0 if "embeddings" in name else 1.5 / parameter.shape[1] ** 0.5)
    model.save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    return folder


def _tokenizer() -> transformers.PreTrainedTokenizerFast:
    vocabulary = {token: at for at, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS])}
    tokenizer = Tokenizer(models.WordPiece(vocab=vocabulary, unk_token="[UNK]"))  # noqa: S106 - no password
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return transformers.BertTokenizerFast(tokenizer_object=tokenizer)


def _export(model: str, version: int, kind: Kind, checkpoint: Path, texts: list[str], folder: Path) -> None:
    examples = [kind.example(text, other) for text, other in zip(texts, texts[1:] + texts[:1], strict=True)]
    data = folder / f"{model}.jsonl"
    data.write_text("".join(json.dumps(example) + "\n" for example in examples))
    fields = dict(kind.recipe)
    # random weights answer by chance
    evaluation = {
        "data": str(data),
        "max_drop": 0.01,
        "allow_weak_reference": True,
        **{name: fields.pop(name) for name in ("text_pair", "metric") if name in fields},
    }
    recipe = {
        "model": model,
        "version": version,
        "task": kind.task,
        "checkpoint": str(checkpoint),
        "max_length": MAX_LENGTH,
        "precision": "fp32",
        "evaluation": evaluation,
        **fields,
    }
    path = folder / f"{model}-{version}.yaml"
    path.write_text(yaml.safe_dump(recipe))
    export(Inputs.of(Recipe.read(path)), folder / "models", folder / "work", Progress(), ask_triton=_ask_later)


def _ask_later(*_: Any) -> float:
    raise TritonUnavailable("the tests ask the one that serves all models")
