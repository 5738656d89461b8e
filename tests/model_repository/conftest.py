"""A tiny BERT classifier, exported to ONNX and packaged, and a real tritonserver to serve it."""

import re
import string
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertForSequenceClassification
from tritonclient.grpc import InferenceServerClient, InferInput, InferRequestedOutput, InferResult

from model_repository import config
from model_repository.manifest import FILE, GRAPH, TOKENIZER, Answering, Manifest, Source, answer_digest, file_digest, read_versions
from model_repository.measured import Sizes
from model_repository.server import TritonServer

LABELS = ("grain", "ship", "trade", "crude")
MAX_LENGTH = 64
# of these models several threads compute no faster: they wait for one another
torch.set_num_threads(1)
WORDS = ["wheat", "corn", "oil", "price", "ship", "port", "trade", "tariff", "crude", "barrel", "harvest", "rose", "fell", "the", "of"]


@dataclass(frozen=True)
class TinyClassifier:
    """A randomly initialised BERT in PyTorch, and the same as an ONNX graph with its tokenizer."""

    reference: BertForSequenceClassification
    graph: Path
    tokenizer: Path

    def probabilities(self, text: str) -> NDArray[np.float32]:
        """What PyTorch answers to one text, alone and never padded: float32 [labels]."""
        tokenizer = Tokenizer.from_file(str(self.tokenizer))
        tokenizer.enable_truncation(MAX_LENGTH)
        with torch.no_grad():
            logits = self.reference(input_ids=torch.tensor([tokenizer.encode(text).ids])).logits
        return logits.softmax(-1)[0].numpy()


def tiny_classifier(folder: Path, seed: int) -> TinyClassifier:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer()
    tokenizer.save(str(folder / TOKENIZER))
    torch.manual_seed(seed)
    shape = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=MAX_LENGTH,
        num_labels=len(LABELS),
        initializer_range=0.5,  # so that the answers differ between texts
        attn_implementation="eager",
    )
    model = BertForSequenceClassification(shape).eval()
    names = ["input_ids", "attention_mask", "token_type_ids"]
    example = torch.ones((2, 8), dtype=torch.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the exporter itself; it takes a fifth of a second here
        torch.onnx.export(
            model,
            (example, example, torch.zeros_like(example)),
            str(folder / GRAPH),
            input_names=names,
            output_names=["logits"],
            dynamic_axes={name: {0: "batch", 1: "sequence"} for name in names} | {"logits": {0: "batch"}},
            dynamo=False,
        )
    return TinyClassifier(model, folder / GRAPH, folder / TOKENIZER)


def _tokenizer() -> Tokenizer:
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    letters = [*string.ascii_lowercase, *(f"##{letter}" for letter in string.ascii_lowercase)]
    vocabulary = {token: i for i, token in enumerate([*specials, *letters, *WORDS])}
    tokenizer = Tokenizer(WordPiece(vocabulary))
    tokenizer.normalizer = BertNormalizer()
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def manifest_of(model: str, version: int, classifier: TinyClassifier) -> Manifest:
    answering = Answering(task="text-classification", labels=LABELS, max_length=MAX_LENGTH)
    return Manifest(
        **answering.model_dump(),
        model=model,
        version=version,
        precision="fp32",
        target="cpu",
        digest=answer_digest(classifier.graph, classifier.tokenizer, answering),
        files={GRAPH: file_digest(classifier.graph), TOKENIZER: file_digest(classifier.tokenizer)},
        source=Source(checkpoint="tiny", checkpoint_digest="sha256:" + "0" * 64),
        sizes=Sizes(fp32_bytes=classifier.graph.stat().st_size, packaged_bytes=classifier.graph.stat().st_size),
        tools={"torch": torch.__version__},
    )


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> TinyClassifier:
    return tiny_classifier(tmp_path_factory.mktemp("classifier"), seed=1)


@pytest.fixture(scope="session")
def other_classifier(tmp_path_factory: pytest.TempPathFactory) -> TinyClassifier:
    return tiny_classifier(tmp_path_factory.mktemp("other"), seed=2)


@pytest.fixture
def manifest(classifier: TinyClassifier) -> Manifest:
    return manifest_of("tiny", 1, classifier)


@dataclass(frozen=True)
class Served:
    """A model of its own in a repository that a tritonserver serves."""

    triton: TritonServer
    folder: Path

    def package(self, version: int, classifier: TinyClassifier) -> Path:
        """Package a classifier, manifest and configuration last; returns the version's folder."""
        target = self.folder / str(version)
        target.mkdir(parents=True)
        (target / GRAPH).write_bytes(classifier.graph.read_bytes())
        (target / TOKENIZER).write_bytes(classifier.tokenizer.read_bytes())
        (target / FILE).write_text(manifest_of(self.folder.name, version, classifier).to_json())
        path = self.folder / config.FILE
        new = config.updated(config.read(path) if path.exists() else None, read_versions(self.folder))
        new.instance_group[0].count = 1
        config.write(path, new)
        return target

    def load(self) -> None:
        self.triton.load(self.folder.name)

    def client(self) -> InferenceServerClient:
        return InferenceServerClient(self.triton.grpc_url)

    def ready(self, version: int) -> bool:
        with self.client() as client:
            return bool(client.is_model_ready(self.folder.name, str(version)))

    def ask(self, texts: Sequence[str | bytes], version: int, outputs: Sequence[str] = ("SCORES", "ERROR")) -> InferResult:
        with self.client() as client:
            return self.ask_with(client, texts, version, outputs)

    def ask_with(
        self, client: InferenceServerClient, texts: Sequence[str | bytes], version: int, outputs: Sequence[str] = ("SCORES", "ERROR")
    ) -> InferResult:
        tensor = InferInput("TEXT", [len(texts), 1], "BYTES")
        tensor.set_data_from_numpy(np.array([[text] for text in texts], dtype=np.object_))
        wanted = [InferRequestedOutput(name) for name in outputs]
        return client.infer(self.folder.name, [tensor], model_version=str(version), outputs=wanted, client_timeout=60)


@pytest.fixture(scope="session")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TritonServer, Path]]:
    repository = tmp_path_factory.mktemp("repository")
    with TritonServer.start(repository, models=[], grace_s=0) as server:
        yield server, repository


@pytest.fixture(scope="session")
def serve(triton: tuple[TritonServer, Path]) -> Callable[[str], Served]:
    """A model of this name, still without versions."""
    server, repository = triton
    return lambda name: Served(server, repository / name)


@pytest.fixture
def served(serve: Callable[[str], Served], request: pytest.FixtureRequest) -> Served:
    """A model named after the test, still without versions."""
    return serve(re.sub(r"\W", "_", request.node.name.removeprefix("test_")))
