"""Tiny random classifiers as transformers 5 saves them, with its own answers.

Run by a Python that finds transformers 5: `made_by_transformers5.py FOLDER`. Each checkpoint gets
`expected.json`: texts and pairs with the logits that transformers 5 gives each alone.
"""

import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

TEXTS = ("Hello wörld, the cat sat on a mat.", "the mat", "ab  cd", " HELLO cat 😀 ë عربي", "tail " * 9, "a [SEP] </s> <s>")
PAIRS = tuple(itertools.pairwise(TEXTS))
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
ENCODER = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 48, "max_position_embeddings": 96}
DECODER = {**ENCODER, "num_key_value_heads": 2, "head_dim": 8}
GPT = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 96}
_SIDE = {"layers": 1, "attention_heads": 4, "ffn_dim": 32}
BART = {f"{side}_{name}": size for side in ("encoder", "decoder") for name, size in _SIDE.items()}
BART |= {"d_model": 32, "max_position_embeddings": 96}
THETA = {"rope_type": "default", "rope_theta": 500.0}
TWO_ROPES = {
    "full_attention": {"rope_type": "default", "rope_theta": 777.0},
    "sliding_attention": {"rope_type": "default", "rope_theta": 33.0},
}
LAYERS = ["full_attention", "sliding_attention", "sliding_attention"]


def trained(model: Any, trainer: Any, pre_tokenizer: Any) -> dict[str, Any]:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator([*TEXTS, "the quick brown fox jumps over the lazy dog"], trainer)
    found: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    return found


def word_pieces() -> dict[str, int]:
    trainer = trainers.WordPieceTrainer(vocab_size=150, special_tokens=BERT, show_progress=False)
    found: dict[str, int] = trained(models.WordPiece(unk_token="[UNK]"), trainer, pre_tokenizers.BertPreTokenizer())["vocab"]  # noqa: S106
    return found


def byte_pairs() -> dict[str, Any]:
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=330, special_tokens=ROBERTA, initial_alphabet=alphabet, show_progress=False)
    found = trained(models.BPE(), trainer, pre_tokenizers.ByteLevel(add_prefix_space=False))
    return {"vocab": found["vocab"], "merges": [tuple(merge) for merge in found["merges"]]}


def unigrams(special: list[str], unknown: str) -> list[tuple[str, float]]:
    trainer = trainers.UnigramTrainer(vocab_size=120, special_tokens=special, unk_token=unknown, show_progress=False)
    return [tuple(piece) for piece in trained(models.Unigram(), trainer, pre_tokenizers.Metaspace())["vocab"]]


def backend() -> Any:
    """A tokenizer without a class, as ModernBERT's; its byte level puts a space before a text."""
    pairs = byte_pairs()
    tokenizer = Tokenizer(models.BPE(vocab=pairs["vocab"], merges=pairs["merges"]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = {"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, additional_special_tokens=["<cat>"], **names)


def qwen2(**fields: Any) -> Any:
    return transformers.Qwen2Tokenizer(**byte_pairs(), unk_token="<unk>", eos_token="</s>", **fields)  # noqa: S106


CHECKPOINTS: dict[str, tuple[str, dict[str, Any], Callable[[], Any]]] = {
    "bert": ("bert", ENCODER, lambda: transformers.BertTokenizer(vocab=word_pieces())),
    "roberta": ("roberta", ENCODER, lambda: transformers.RobertaTokenizer(**byte_pairs())),
    "xlm-roberta": ("xlm-roberta", ENCODER, lambda: transformers.XLMRobertaTokenizer(vocab=unigrams(ROBERTA, "<unk>"))),
    # version 4's tokenizer of this name gives token types, version 5's none
    "albert": ("albert", {**ENCODER, "embedding_size": 16}, lambda: transformers.AlbertTokenizer(vocab=unigrams(BERT, "[UNK]"))),
    "deberta-v2": (
        "deberta-v2",
        {**ENCODER, "relative_attention": True, "position_buckets": 16, "pos_att_type": ["p2c", "c2p"], "share_att_key": True},
        lambda: transformers.DebertaV2Tokenizer(vocab=unigrams(BERT, "[UNK]")),
    ),
    "mbart": ("mbart", BART, lambda: transformers.XLMRobertaTokenizer(vocab=unigrams(ROBERTA, "<unk>"))),
    "gptj": ("gptj", {**GPT, "rotary_dim": 4}, lambda: qwen2(pad_token="<pad>")),  # noqa: S106
    "modernbert": (
        "modernbert",
        {**ENCODER, "local_attention": 8, "layer_types": LAYERS, "rope_parameters": TWO_ROPES, "cls_token_id": 0, "sep_token_id": 2},
        backend,
    ),
    "qwen2": ("qwen2", {**DECODER, "rope_parameters": THETA}, lambda: qwen2(pad_token="<pad>")),  # noqa: S106
    "qwen2-pad-in-config": ("qwen2", {**DECODER, "rope_parameters": THETA}, qwen2),
    "qwen3-yarn": (
        "qwen3",
        {**DECODER, "rope_parameters": {**THETA, "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 24}},
        lambda: qwen2(pad_token="<pad>", truncation_side="left"),  # noqa: S106
    ),
    "llama": (
        "llama",
        {
            **DECODER,
            "rope_parameters": {
                **THETA,
                "rope_type": "llama3",
                "factor": 4.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 24,
            },
        },
        lambda: qwen2(pad_token="<pad>"),  # noqa: S106
    ),
    "gemma3_text": (
        "gemma3_text",
        {
            **DECODER,
            "sliding_window": 6,
            "query_pre_attn_scalar": 8,
            "layer_types": ["sliding_attention", "sliding_attention", "full_attention"],
            "rope_parameters": {**TWO_ROPES, "full_attention": {"rope_type": "linear", "factor": 2.0, "rope_theta": 777.0}},
        },
        lambda: qwen2(pad_token="<pad>"),  # noqa: S106
    ),
    # what 4.57 cannot express, and what nobody compared
    "modernbert-other-layers": (
        "modernbert",
        {**ENCODER, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"], "cls_token_id": 0, "sep_token_id": 2},
        backend,
    ),
    "ministral": ("ministral", {**DECODER, "rope_parameters": THETA}, lambda: qwen2(pad_token="<pad>")),  # noqa: S106
}


def make(folder: Path, name: str) -> None:
    """Save a checkpoint and transformers 5's own answers."""
    kind, fields, new_tokenizer = CHECKPOINTS[name]
    tokenizer = new_tokenizer()
    tokenizer.save_pretrained(folder)
    vocabulary = tokenizer.get_vocab()
    pad = vocabulary.get("<pad>", vocabulary.get("[PAD]"))
    config = AutoConfig.for_model(kind, vocab_size=len(tokenizer) + 3, pad_token_id=pad, bos_token_id=0, eos_token_id=2, **fields)
    config.id2label = {0: "cold", 1: "mild", 2: "warm"}
    config.label2id = {label: at for at, label in config.id2label.items()}
    torch.manual_seed(3)
    model = AutoModelForSequenceClassification.from_config(config)
    with torch.no_grad():
        for part, weight in model.named_parameters():
            if weight.ndim > 1:
                weight.normal_(std=1.0 if "embed" in part else 1.5 / weight.shape[-1] ** 0.5)
    model.save_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        answers = [
            model(**tokenizer(*query, truncation=True, max_length=24, return_tensors="pt")).logits[0].tolist()
            for query in [*((text,) for text in TEXTS), *PAIRS]
        ]
    (folder / "expected.json").write_text(json.dumps({"texts": TEXTS, "pairs": PAIRS, "logits": answers}))


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    for name in CHECKPOINTS:
        make(Path(sys.argv[1], name), name)
