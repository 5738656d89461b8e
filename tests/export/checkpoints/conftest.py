"""Checkpoints as serving answers them, and as transformers answers them by itself."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from headrace_backend.items import Item
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from export.checkpoints.load import load
from export.checkpoints.tokenization import require_same_tokens, write_tokenizer
from export.graphs.batches import Padded
from export.graphs.graph import Graph
from export.graphs.onnx_export import export_onnx
from export.graphs.serving import Serving
from export.inputs import Inputs
from export.tasks import TASKS
from model_repository.manifest import TOKENIZER

MAX_LENGTH = 24
NAMES = {"id2label": {0: "cold", 1: "mild", 2: "warm"}, "label2id": {"cold": 0, "mild": 1, "warm": 2}}
PIECES = ["alna", "bero", "cota", "duva", "elno", "fito", "gora", "huvo"]


@pytest.fixture
def served(inputs: Callable[..., Inputs], tmp_path: Path) -> Callable[..., Any]:
    """Answers of a checkpoint's graph to rows of texts in one batch, as the backend gives them."""

    def answer(folder: Path, rows: Sequence[tuple[str, ...]], task: str = "text-classification", **fields: Any) -> Any:
        found = inputs(**{"checkpoint": str(folder), "task": task, "max_length": MAX_LENGTH, "evaluation__metric": None, **fields})
        reference = load(found, TASKS[task])
        write_tokenizer(reference.tokenizer, found.recipe.max_length, tmp_path / TOKENIZER, reference.pad_id)
        serving = Serving(reference.answering, tmp_path / TOKENIZER)
        items = [Item(*[text.encode() for text in row]) for row in rows]
        require_same_tokens(reference.tokenizer, tmp_path / TOKENIZER, serving.queries(items))
        path = export_onnx(reference.model, TASKS[task], tmp_path / "graph", token_types=reference.token_types)
        return serving.answer(Padded(Graph(path, TASKS[task].outputs), serving.encode(()).pad_id), items)

    return answer


@pytest.fixture
def alone() -> Callable[..., Any]:
    """transformers' own answers of a checkpoint: softmax of each text's logits by itself."""

    def answer(folder: Path, rows: Sequence[tuple[str, ...]]) -> Any:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
        with torch.inference_mode():
            found = [
                model(**tokenizer(*row, truncation=True, max_length=MAX_LENGTH, return_tensors="pt")).logits.softmax(-1)[0] for row in rows
            ]
        return torch.stack(found).numpy()

    return answer


@pytest.fixture(scope="session")
def unigram() -> Callable[..., Any]:
    """A tokenizer without marks of subwords, as XLM-R's: pieces of Unigram, one of them unknown."""

    def make(kind: str = "PreTrainedTokenizerFast", **fields: Any) -> Any:
        special = ["<s>", "<pad>", "</s>", "<unk>"]
        letters = [*"▁abcdefghijklmnopqrstuvwxyz"]
        pieces = [(piece, 0.0) for piece in special] + [(f"▁{piece}", -1.0) for piece in PIECES] + [(one, -5.0) for one in letters]
        tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3))
        tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
        )
        names = {
            "bos_token": "<s>",
            "eos_token": "</s>",
            "sep_token": "</s>",
            "cls_token": "<s>",
            "unk_token": "<unk>",
            "pad_token": "<pad>",
        }
        return getattr(transformers, kind)(tokenizer_object=tokenizer, **{**names, **fields})

    return make


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Save a tiny model of an architecture with weights that tell texts apart, and a tokenizer."""

    def make(kind: str, tokenizer: Any, head: str = "AutoModelForSequenceClassification", **fields: Any) -> Path:
        folder = tmp_path_factory.mktemp(kind)
        tokenizer.save_pretrained(folder)
        small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
        usual = {"vocab_size": len(tokenizer), "max_position_embeddings": 64, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
        own: dict[str, dict[str, Any]] = {
            "qwen2": {**small, "num_key_value_heads": 2},
            "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64},
            "xlm": {"emb_dim": 32, "n_layers": 2, "n_heads": 4, "n_langs": 1, "pad_index": 1},
            "bart": {
                "d_model": 32,
                "encoder_layers": 1,
                "decoder_layers": 1,
                "encoder_attention_heads": 4,
                "decoder_attention_heads": 4,
                "encoder_ffn_dim": 32,
                "decoder_ffn_dim": 32,
            },
        }
        config = transformers.AutoConfig.for_model(kind, **{**own.get(kind, small), **usual, **NAMES, **fields})
        torch.manual_seed(5)
        model = getattr(transformers, head).from_config(config)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if weight.ndim > 1:
                    weight.normal_(std=1.0 if "embed" in name or "wte" in name else 1.5 / weight.shape[-1] ** 0.5)
        model.save_pretrained(folder)
        return folder

    return make
