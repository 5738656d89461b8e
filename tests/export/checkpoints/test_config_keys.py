"""Keys of config.json that nobody reads are refused; what published checkpoints carry is not."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import transformers

from export.checkpoints.config_keys import require_all_read, unread_keys
from export.checkpoints.load import load
from export.errors import RecipeError
from export.inputs import Inputs
from export.tasks import TASKS

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 12}
NOTES = {
    "_name_or_path": "org/name",
    "transformers_version": "4.31.0",
    "torch_dtype": "float32",
    "architectures": ["Any"],
    "use_cache": True,
}
DEBERTA = {
    "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False,
    "position_buckets": 256,
    "max_relative_positions": -1,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "relative_attention": True,
    "pooler_dropout": 0,
    "pooler_hidden_act": "gelu",
    "pooler_hidden_size": 768,
    "legacy": True,
}
PUBLISHED: dict[str, tuple[str, dict[str, Any]]] = {
    "bert-base-uncased": ("bert", {"gradient_checkpointing": False, "position_embedding_type": "absolute", "model_type": "bert"}),
    "bert-base-multilingual": (
        "bert",
        {
            "directionality": "bidi",
            "pooler_fc_size": 768,
            "pooler_num_attention_heads": 12,
            "pooler_num_fc_layers": 3,
            "pooler_size_per_head": 128,
            "pooler_type": "first_token_transform",
        },
    ),
    "dslim/bert-base-NER": ("bert", {"_num_labels": 9, "output_past": True, "max_position_embeddings": 512}),
    "ProsusAI/finbert, unitary/toxic-bert": ("bert", {"problem_type": "multi_label_classification", "classifier_dropout": None}),
    "cross-encoder/ms-marco": (
        "bert",
        {
            "sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity",
            "sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity", "version": "4.0.1"},
        },
    ),
    "distilbert sst-2": (
        "distilbert",
        {"finetuning_task": "sst-2", "output_past": True, "tie_weights_": True, "seq_classif_dropout": 0.2, "sinusoidal_pos_embds": False},
    ),
    "twitter-roberta sentiment": ("roberta", {"gradient_checkpointing": False, "bos_token_id": 0, "eos_token_id": 2}),
    "deepset/roberta-base-squad2": ("roberta", {"language": "english", "name": "Roberta"}),
    "papluca, bge-m3, e5, camembert": ("xlm-roberta", {"output_past": True, "classifier_dropout": None, "type_vocab_size": 1}),
    "deberta-v3 NLI and zero-shot, mdeberta": ("deberta-v2", DEBERTA),
    "bart-large-mnli": (
        "bart",
        {
            "_num_labels": 3,
            "add_bias_logits": False,
            "add_final_layer_norm": False,
            "classif_dropout": 0.0,
            "extra_pos_embeddings": 2,
            "force_bos_token_to_be_generated": False,
            "forced_eos_token_id": 2,
            "normalize_before": False,
            "normalize_embedding": True,
            "output_past": False,
            "static_position_embeddings": False,
            "task_specific_params": {"summarization": {"num_beams": 4}},
            "num_beams": 4,
            "max_length": 142,
        },
    ),
    "albert-base-v2": ("albert", {"down_scale_factor": 1, "gap_size": 0, "net_structure_type": 0, "num_memory_blocks": 0}),
    "electra": ("electra", {"summary_last_dropout": 0.1, "summary_type": "first", "summary_use_proj": True, "embedding_size": 16}),
    "all-mpnet-base-v2": ("mpnet", {"relative_attention_num_buckets": 32}),
    "ModernBERT-base, gte-modernbert": (
        "modernbert",
        {
            "position_embedding_type": "absolute",
            "gradient_checkpointing": False,
            "layer_norm_eps": 1e-05,
            "norm_eps": 1e-05,
            "causal_mask": False,
            "is_causal": False,
            "repad_logits_with_grad": False,
            "sparse_pred_ignore_index": -100,
            "deterministic_flash_attn": False,
            "sep_token_id": 3,
            "cls_token_id": 2,
            "pad_token_id": 0,
        },
    ),
    "Qwen3-Embedding, Qwen3-Reranker": (
        "qwen3",
        {"max_window_layers": 28, "rope_scaling": None, "rope_theta": 1000000, "use_sliding_window": False, "sliding_window": None},
    ),
    "Llama, Mistral": ("llama", {"pretraining_tp": 1, "mlp_bias": False, "unsloth_version": "2025.1", "rope_theta": 1e4}),
    "gpt2": ("gpt2", {"n_ctx": 1024, "predict_special_tokens": True, "resid_pdrop": 0.1, "summary_proj_to_labels": True}),
    "esm2": ("esm", {"emb_layer_norm_before": False, "is_folding_model": False, "token_dropout": True, "vocab_list": None}),
    "arctic-embed, snowflake": ("bert", {"matryoshka_dimensions": [64, 256], "transformers.js_config": {"dtype": "fp32"}}),
    "t5": ("t5", {"n_positions": 512, "output_past": True, "dense_act_fn": "relu", "is_gated_act": False}),
}


@cache
def model(kind: str) -> Any:
    """A tiny model of an architecture."""
    fields = {**SMALL, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    own: dict[str, dict[str, Any]] = {
        "distilbert": {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 16, "vocab_size": 12},
        "gpt2": {"n_embd": 16, "n_layer": 1, "n_head": 2, "vocab_size": 12},
        "bart": {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "vocab_size": 12, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16},
        "t5": {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2, "vocab_size": 12},
        "modernbert": {**fields, "cls_token_id": 1, "sep_token_id": 2},
        "esm": {**fields, "mask_token_id": 3},
    }
    config = transformers.AutoConfig.for_model(kind, **own.get(kind, fields))
    return transformers.AutoModel.from_config(config)


@pytest.mark.parametrize("name", PUBLISHED)
def test_keys_of_published_checkpoints_are_read_or_harmless(name: str) -> None:
    kind, fields = PUBLISHED[name]
    assert unread_keys({**NOTES, "model_type": kind, **fields}, model(kind)) == []


@pytest.mark.parametrize("kind", ["bert", "distilbert", "deberta-v2", "bart", "modernbert", "qwen3", "t5", "gpt2"])
def test_what_a_class_writes_itself_is_read(kind: str) -> None:
    assert unread_keys(model(kind).config.to_dict(), model(kind)) == []


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("qwen3", "rope_parameters", {"rope_theta": 500.0, "rope_type": "default"}),  # transformers 5's
        ("qwen3", "is_causal", False),  # embedding models made of decoders
        ("qwen3", "rope_scaling", {"type": "yarn", "factor": 4.0, "sharpness": 2.0}),
        ("llama", "use_bidirectional_attention", True),
        ("bert", "rope_theta", 10000.0),
        ("bert", "alibi_heads", 8),
        ("bert", "directionality", "left"),
        ("bart", "normalize_before", True),
        ("esm", "rope_theta", 500.0),
        ("gpt2", "adapters", {"adapters": {"ner": "pfeiffer"}}),
    ],
)
def test_a_key_that_nobody_reads_is_refused_by_its_name(kind: str, key: str, value: Any) -> None:
    fields = {**NOTES, "model_type": kind, key: value}
    with pytest.raises(RecipeError, match=rf"config\.json says {key}.*add ignored_keys: \[{key}.*\] to the recipe"):
        require_all_read(fields, model(kind), ())
    require_all_read(fields, model(kind), unread_keys(fields, model(kind)))


def test_a_key_that_says_nothing_is_not_asked_about() -> None:
    assert unread_keys({**NOTES, "model_type": "bert", "alibi_heads": None, "adapters": {}}, model("bert")) == []


def test_a_recipe_can_say_that_a_key_changes_no_answer(inputs: Callable[..., Inputs], edited: Callable[..., Path]) -> None:
    folder = edited("config.json", alibi_heads=8)
    with pytest.raises(RecipeError, match=r"config\.json says alibi_heads: 8, which neither transformers .*'s BertForSequenceClassif"):
        load(inputs(checkpoint=str(folder)), TASKS["text-classification"])
    load(inputs(checkpoint=str(folder), ignored_keys=["alibi_heads"]), TASKS["text-classification"])
