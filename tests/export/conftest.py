"""A tiny random BERT with a real WordPiece tokenizer, an adapter for it, and recipes on both."""

import io
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaged_registry import LABELS, MAX_LENGTH, Registry
from rich.console import Console

from export.inputs import Inputs
from export.progress import Progress
from export.quiet import quieten
from export.recipe.recipe import Recipe
from model_repository.manifest import TOKENIZER, Manifest
from model_repository.server import TritonUnavailable

quieten()

import torch  # noqa: E402 - the libraries read their settings when they are imported
from peft import IA3Config, LoraConfig, TaskType, get_peft_model  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors  # noqa: E402
from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizerFast  # noqa: E402

from export.checkpoints.tokenization import write_tokenizer as write_packaged_tokenizer  # noqa: E402
from export.graphs.measure import compare_speed  # noqa: E402
from export.graphs.onnx_export import export_onnx  # noqa: E402
from export.pipeline import export  # noqa: E402
from export.tasks import TASKS  # noqa: E402

# of these models several threads compute no faster: they wait for one another
torch.set_num_threads(1)

WORDS = [f"{a}{b}" for a in ("al", "be", "co", "du", "el", "fi", "go", "hu") for b in ("na", "no", "ra", "ro", "ta", "to", "va", "vo")]
HIDDEN = 32


def write_tokenizer(folder: Path) -> None:
    """A WordPiece tokenizer whose file has the truncation and padding of an old training.

    Real checkpoints often have them.
    """
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordPiece(vocab=vocabulary, unk_token="[UNK]"))  # noqa: S106 - no password
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.enable_truncation(6)
    tokenizer.enable_padding(length=6)
    BertTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)


def tiny_config(**fields: Any) -> BertConfig:
    return BertConfig(
        vocab_size=5 + len(WORDS),
        hidden_size=HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
        pad_token_id=0,
        **fields,
    )


def spread_weights(model: torch.nn.Module) -> torch.nn.Module:
    """Weights large enough that texts differ in their answers.

    The usual initial weights give all texts nearly the same answer.
    """
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2:
                parameter.normal_(std=1.0 if "embeddings" in name else 1.5 / parameter.shape[1] ** 0.5)
            if name == "classifier.weight":
                parameter.mul_(2)
    return model


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint without a head."""
    folder = tmp_path_factory.mktemp("encoder")
    torch.manual_seed(1)
    spread_weights(BertModel(tiny_config())).save_pretrained(folder)
    write_tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with a head and names for its labels."""
    folder = tmp_path_factory.mktemp("classifier")
    torch.manual_seed(2)
    names = dict(enumerate(LABELS))
    spread_weights(BertForSequenceClassification(tiny_config(id2label=names, label2id={v: k for k, v in names.items()}))).save_pretrained(
        folder
    )
    write_tokenizer(folder)
    return folder


def make_adapter(encoder: Path, folder: Path, *, seed: int = 3, trained: bool = True, head: bool = True, kind: str = "lora") -> Any:
    """Write an adapter for the encoder; returns the model with the adapter not merged."""
    torch.manual_seed(seed)
    base = BertForSequenceClassification.from_pretrained(encoder, num_labels=len(LABELS), id2label=dict(enumerate(LABELS)))
    base.classifier.weight.data.normal_()
    common = {"task_type": TaskType.SEQ_CLS if head else None, "target_modules": ["query", "value"]}
    if kind == "ia3":
        settings = IA3Config(feedforward_modules=[], init_ia3_weights=not trained, **common)
    else:
        settings = LoraConfig(r=2, init_lora_weights=not trained, use_dora=kind == "dora", **common)
    model = get_peft_model(base, settings)
    model.save_pretrained(folder)
    base.config.save_pretrained(folder)
    return model.eval()


@pytest.fixture(scope="session")
def adapted(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A trained adapter's folder, and the model that it makes of the encoder."""
    folder = tmp_path_factory.mktemp("adapter")
    return folder, make_adapter(encoder, folder)


@pytest.fixture(scope="session")
def texts() -> list[str]:
    rng = random.Random(4)
    return [" ".join(rng.choices(WORDS, k=rng.randint(1, 30))) for _ in range(120)]


@pytest.fixture(scope="session")
def evaluation(classifier: Path, texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluation set on which the classifier is always right."""
    model = BertForSequenceClassification.from_pretrained(classifier).eval()
    tokenizer = BertTokenizerFast.from_pretrained(classifier)
    path = tmp_path_factory.mktemp("evaluation") / "test.jsonl"
    with path.open("w") as file, torch.inference_mode():
        for text in texts:
            ids = tokenizer(text, truncation=True, max_length=MAX_LENGTH, padding=False, return_tensors="pt")
            file.write(json.dumps({"text": text, "label": LABELS[model(**ids).logits.argmax()]}) + "\n")
    return path


@pytest.fixture(scope="session")
def write_recipe_to(classifier: Path, evaluation: Path) -> Callable[..., Path]:
    """Write a recipe to a folder, with some fields other than usual (None: left out).

    `evaluation__x` is a field of the evaluation.
    """

    def write(folder: Path, name: str = "recipe.yaml", **changes: Any) -> Path:
        gate = {"data": str(evaluation), "metric": "accuracy", "max_drop": 0.2}
        fields = {
            "model": "weather",
            "version": 1,
            "task": "text-classification",
            "checkpoint": str(classifier),
            "max_length": MAX_LENGTH,
            "target": "cpu",
            "precision": "int8",
            "evaluation": gate,
        }
        for field, value in changes.items():
            place, key = (gate, field.removeprefix("evaluation__")) if field.startswith("evaluation__") else (fields, field)
            place[key] = value
            if value is None:
                del place[key]
        path = folder / name
        path.write_text(yaml.safe_dump(fields))
        return path

    return write


@pytest.fixture
def write_recipe(write_recipe_to: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """`write_recipe_to` the test's own folder."""
    return partial(write_recipe_to, tmp_path)


@pytest.fixture(scope="session")
def tiny() -> Callable[..., Any]:
    """A model of a BERT class with random weights; fields of its configuration can be given."""

    def make(kind: type[torch.nn.Module], **fields: Any) -> Any:
        torch.manual_seed(9)
        return spread_weights(kind(tiny_config(**fields)))

    return make


@pytest.fixture(scope="session")
def labels() -> tuple[str, ...]:
    return LABELS


@pytest.fixture(scope="session")
def max_length() -> int:
    return MAX_LENGTH


@pytest.fixture(scope="session")
def new_adapter(encoder: Path) -> Callable[..., Any]:
    """`make_adapter` for the encoder.

    It takes a folder, and optionally seed, trained, head, kind (lora, dora, ia3).
    """

    def make(folder: Path, **choices: Any) -> Any:
        return make_adapter(encoder, folder, **choices)

    return make


@pytest.fixture
def fragile(classifier: Path, tmp_path: Path) -> Path:
    """A checkpoint that int8 ruins.

    One huge activation, which no weight reads, takes the whole 8-bit range before the head. Its
    scores are close together, so that they move little when its labels change.
    """
    folder = shutil.copytree(classifier, tmp_path / "fragile")
    tensors = load_file(folder / "model.safetensors")
    tensors["bert.encoder.layer.1.output.LayerNorm.weight"][0] = 0
    tensors["bert.encoder.layer.1.output.LayerNorm.bias"][0] = 1e4
    tensors["bert.pooler.dense.weight"][:, 0] = 0
    tensors["classifier.weight"] *= 0.01
    tensors["classifier.bias"] = torch.zeros(3)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


@pytest.fixture
def outlying(classifier: Path, tmp_path: Path) -> Path:
    """A checkpoint with huge weights in one layer, on an activation that is always 0.

    They change no answer, and take the 8-bit range.
    """
    folder = shutil.copytree(classifier, tmp_path / "outlying")
    tensors = load_file(folder / "model.safetensors")
    for name in ("weight", "bias"):
        tensors[f"bert.encoder.layer.1.attention.output.LayerNorm.{name}"][0] = 0
    tensors["bert.encoder.layer.1.intermediate.dense.weight"][:, 0] = 1e4
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


@pytest.fixture
def edited(classifier: Path, tmp_path: Path) -> Callable[..., Path]:
    """The classifier with fields of one of its JSON files changed (None: left out)."""

    def make(file: str, *, of: Path = classifier, **changes: Any) -> Path:
        folder = shutil.copytree(of, tmp_path / f"edited-{len(list(tmp_path.iterdir()))}")
        path = folder / file
        fields = {**(json.loads(path.read_text()) if path.is_file() else {}), **changes}
        path.write_text(json.dumps({name: value for name, value in fields.items() if value is not None}))
        return folder

    return make


@pytest.fixture
def inputs(write_recipe: Callable[..., Path]) -> Callable[..., Inputs]:
    """Inputs of a recipe with some fields other than usual."""

    def read(**changes: Any) -> Inputs:
        return Inputs.of(Recipe.read(write_recipe(**changes)))

    return read


@dataclass(frozen=True)
class Exported:
    """A version of the classifier in a repository, and what its export printed; only to be read."""

    manifest: Manifest
    repository: Path
    printed: str

    @property
    def folder(self) -> Path:
        """Where the version's files lie."""
        return self.repository / self.manifest.model / str(self.manifest.version)


@pytest.fixture(scope="session")
def export_to() -> Callable[..., Manifest]:
    """Export inputs to a folder's `repository` on a machine without Triton.

    Speeds are compared for a moment only; other choices of `export` can be given.
    """

    def unavailable(*_: object) -> float:
        raise TritonUnavailable("No Triton here: this is a test.")

    def make(folder: Path, inputs: Inputs, progress: Progress | None = None, **choices: Any) -> Manifest:
        usual = {"ask_triton": unavailable, "compare_speed": partial(compare_speed, seconds_each=0.1)}
        return export(inputs, folder / "repository", folder / "work", progress or Progress(), **{**usual, **choices})

    return make


@pytest.fixture(scope="session")
def export_once(
    write_recipe_to: Callable[..., Path], export_to: Callable[..., Manifest], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Exported]:
    """Export a recipe with some fields other than usual, without Triton.

    The same fields are exported only once.
    """
    made: dict[str, Exported] = {}

    def make(**changes: Any) -> Exported:
        key = json.dumps(changes, sort_keys=True)
        if key not in made:
            folder, printed = tmp_path_factory.mktemp("exported"), io.StringIO()
            found = Inputs.of(Recipe.read(write_recipe_to(folder, **changes)))
            progress = Progress(Console(file=printed, highlight=False, soft_wrap=True, markup=False))
            made[key] = Exported(export_to(folder, found, progress), folder / "repository", printed.getvalue())
        return made[key]

    return make


@pytest.fixture(scope="session")
def onnx_classifier(classifier: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The classifier as a folder with `model.onnx` in fp32 and the packaged `tokenizer.json`."""
    folder = tmp_path_factory.mktemp("onnx")
    export_onnx(BertForSequenceClassification.from_pretrained(classifier).eval(), TASKS["text-classification"], folder)
    write_packaged_tokenizer(BertTokenizerFast.from_pretrained(classifier), MAX_LENGTH, folder / TOKENIZER)
    return folder


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A repository with three versions of one model."""
    for variable in ("HEADRACE_TRITON_GRPC_URL", "HEADRACE_EXPERIMENTS_FILE", "HEADRACE_MANIFEST_PUBLIC_KEY"):
        monkeypatch.delenv(variable, raising=False)
    made = Registry(tmp_path / "models", b"graph", b"{}")
    for version in (1, 2, 3):
        made.add(version)
    return made
