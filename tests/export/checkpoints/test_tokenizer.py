"""Tokenizers as they come: what they say is what serving does, or a refusal that names it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from export.checkpoints.load import load
from export.errors import RecipeError
from export.inputs import Inputs
from export.tasks import TASKS

Make = Callable[..., Any]
TASK = TASKS["text-classification"]
TEXTS = [("alna bero",), ("cota duva elno fito gora",), ("huvo",), ("alna bero cota duva elno fito gora huvo",)]
PAIRS = [("alna bero", "cota"), ("huvo", "alna duva elno"), ("gora fito", "")]


@pytest.mark.parametrize("kind", ["gpt2", "qwen2", "llama"])
def test_the_padding_token_of_the_configuration_is_used_where_the_tokenizer_has_none(
    served: Make, alone: Make, saved: Make, unigram: Make, kind: str
) -> None:
    folder = saved(kind, unigram(pad_token=None, model_input_names=["input_ids", "attention_mask"]))
    assert transformers.AutoTokenizer.from_pretrained(folder).pad_token_id is None
    np.testing.assert_allclose(served(folder, TEXTS), alone(folder, TEXTS), atol=1e-4)


def test_the_configurations_padding_token_wins_over_the_tokenizers(served: Make, alone: Make, saved: Make, unigram: Make) -> None:
    folder = saved("qwen2", unigram(pad_token="</s>"), pad_token_id=1)  # noqa: S106 - no password
    np.testing.assert_allclose(served(folder, TEXTS), alone(folder, TEXTS), atol=1e-4)


def test_a_checkpoint_without_a_padding_token_is_refused(inputs: Callable[..., Inputs], saved: Make, unigram: Make) -> None:
    folder = saved("gpt2", unigram(pad_token=None), pad_token_id=None)
    with pytest.raises(RecipeError, match=r"neither its tokenizer nor its config\.json names a padding token.*add pad_token_id"):
        load(inputs(checkpoint=str(folder)), TASK)
    folder = saved("gpt2", unigram(), pad_token_id=None)
    with pytest.raises(RecipeError, match=r"cannot answer texts together: .*; add pad_token_id: 1 to its config\.json"):
        load(inputs(checkpoint=str(folder)), TASK)


@pytest.mark.parametrize("kind", ["bert", "gpt2", "xlm"])
@pytest.mark.parametrize("gives", [True, False])
def test_token_types_are_fed_where_the_tokenizer_gives_them(
    served: Make, alone: Make, saved: Make, unigram: Make, kind: str, gives: bool
) -> None:
    names = ["input_ids", "token_type_ids", "attention_mask"] if gives else ["input_ids", "attention_mask"]
    tokenizer = unigram(model_input_names=names)
    # as BERT's: 1 for the second text
    template = json.loads(tokenizer.backend_tokenizer.to_str())
    for piece in template["post_processor"]["pair"][-2:]:
        next(iter(piece.values()))["type_id"] = 1
    tokenizer._tokenizer = type(tokenizer.backend_tokenizer).from_str(json.dumps(template))
    folder = saved(kind, tokenizer)
    rows = [(one, other or "duva") for one, other in PAIRS]
    np.testing.assert_allclose(served(folder, rows, postprocessing={"text_pair": True}), alone(folder, rows), atol=1e-4)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_text_is_cut_where_the_tokenizer_says(served: Make, alone: Make, saved: Make, unigram: Make, side: str) -> None:
    folder = saved("roberta", unigram(truncation_side=side))
    rows = [(" ".join(f"alna {word} bero" for word in ("cota", "duva", "elno", "fito", "gora", "huvo") * 3),), *TEXTS]
    np.testing.assert_allclose(served(folder, rows), alone(folder, rows), atol=1e-4)


def test_windows_that_would_be_cut_at_the_beginning_are_refused(inputs: Callable[..., Inputs], saved: Make, unigram: Make) -> None:
    folder = saved("roberta", unigram(truncation_side="left"))
    with pytest.raises(RecipeError, match="truncation_side left, and windows go from the beginning"):
        load(inputs(checkpoint=str(folder), windows={"stride": 4}), TASK)


@pytest.mark.parametrize("strategy", ["first", "average", "max"])
def test_unknown_words_are_words_as_in_transformers_pipeline(served: Make, saved: Make, unigram: Make, strategy: str) -> None:
    folder = saved("roberta", unigram(), head="AutoModelForTokenClassification")
    texts = ["alna 😀bero", "cotaë duva", "عربي alna", "elno-fito (gora) 你好huvo", "alna bero"]
    settings = {"aggregation_strategy": strategy}
    found = served(folder, [(text,) for text in texts], task="token-classification", postprocessing=settings, max_length=48)
    pipeline = transformers.pipeline("token-classification", str(folder), aggregation_strategy=strategy, device="cpu")
    for text, entities in zip(texts, found, strict=True):
        right = pipeline(text)
        assert [(e["label"], e["start"], e["end"]) for e in entities] == [(e["entity_group"], e["start"], e["end"]) for e in right]
        np.testing.assert_allclose([e["score"] for e in entities], [e["score"] for e in right], atol=1e-4)


def test_an_empty_second_text_makes_a_pair_as_in_a_batch(served: Make, saved: Make, unigram: Make) -> None:
    folder = saved("roberta", unigram())
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        encoded = tokenizer([one for one, _ in PAIRS], [other for _, other in PAIRS], padding=True, return_tensors="pt")
        right = model(**encoded).logits.softmax(-1).numpy()
    np.testing.assert_allclose(served(folder, PAIRS, postprocessing={"text_pair": True}), right, atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "slow"),
    [("xlm-roberta", "XLMRoberta"), ("albert", "Albert"), ("deberta-v2", "DebertaV2"), ("camembert", "Camembert")],
)
def test_a_sentencepiece_model_alone_becomes_a_fast_tokenizer(
    inputs: Callable[..., Inputs], saved: Make, tmp_path: Path, kind: str, slow: str
) -> None:
    import sentencepiece

    corpus, special = tmp_path / "corpus.txt", {"pad_id": 0, "unk_id": 1, "pad_piece": "[PAD]", "unk_piece": "[UNK]"}
    corpus.write_text("alna bero cota\nduva elno fito\ngora huvo alna\n" * 20)
    ids = {"bos_id": 2, "eos_id": 3, "bos_piece": "[CLS]", "eos_piece": "[SEP]", **special} if kind in ("albert", "deberta-v2") else {}
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus), model_prefix=str(tmp_path / "spm"), vocab_size=22, hard_vocab_limit=False, minloglevel=2, **ids
    )
    own = getattr(transformers, f"{slow}Tokenizer")(str(tmp_path / "spm.model"))
    folder = saved(kind, own, vocab_size=len(own) + 8)
    assert not (folder / "tokenizer.json").exists()
    tokenizer = load(inputs(checkpoint=str(folder)), TASK).tokenizer
    for text in ("alna bero", "huvo  gora", "Alna"):
        assert tokenizer(text)["input_ids"] == own(text)["input_ids"]


@pytest.mark.parametrize(
    ("file", "changes", "reason"),
    [
        ("tokenizer_config.json", {"subword_regularization": 0.1}, "says subword_regularization: 0.1, which neither BertTokenizerFast"),
        ("tokenizer_config.json", {"split_special_tokens": True}, "says split_special_tokens, which serving does not do"),
        ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["own.Slow", None]}}, "says auto_map: its tokenizer is program code"),
        ("added_tokens.json", {"alna": 3}, "says that 'alna' is token 3, and tokenizer.json makes it 5"),
        ("tokenizer.json", {"model": {"type": "Unheard"}}, "holds a tokenizer that cannot be read"),
    ],
)
def test_what_nobody_reads_of_a_tokenizer_is_refused(
    inputs: Callable[..., Inputs], edited: Callable[..., Path], file: str, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(RecipeError, match=reason):
        load(inputs(checkpoint=str(edited(file, **changes))), TASK)


def test_a_tokenizer_that_drops_at_random_is_refused(inputs: Callable[..., Inputs], saved: Make) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    pieces = {"<unk>": 0, "<pad>": 1, "a": 2, "b": 3, "ab": 4}
    bpe = Tokenizer(models.BPE(pieces, [("a", "b")], dropout=0.5, unk_token="<unk>"))  # noqa: S106 - no password
    bpe.pre_tokenizer = pre_tokenizers.Whitespace()
    names = {"unk_token": "<unk>", "pad_token": "<pad>"}
    folder = saved("roberta", transformers.PreTrainedTokenizerFast(tokenizer_object=bpe, **names))
    with pytest.raises(RecipeError, match="says dropout, with which a text becomes other tokens each time"):
        load(inputs(checkpoint=str(folder)), TASK)


def test_a_tokenizer_without_a_fast_form_is_refused(inputs: Callable[..., Inputs], classifier: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(classifier, tmp_path / "slow")
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "alna"]))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertJapaneseTokenizer"}))
    with pytest.raises(RecipeError, match=r"(without the package fugashi, and has|has) no fast form"):
        load(inputs(checkpoint="slow"), TASK)


def test_keys_of_published_tokenizers_are_harmless(inputs: Callable[..., Inputs], edited: Callable[..., Path]) -> None:
    published = {
        "do_basic_tokenize": True,
        "never_split": ["x"],
        "special_tokens_map_file": "special_tokens_map.json",
        "max_len": 512,
        "max_length": 128,
        "pad_to_multiple_of": 8,
        "pad_token_type_id": 0,
        "padding_side": "right",
        "stride": 0,
        "truncation_strategy": "longest_first",
        "sp_model_kwargs": {"enable_sampling": False},
        "vocab_type": "spm",
        "split_by_punct": False,
        "errors": "replace",
        "trim_offsets": True,
        "add_prefix_space": False,
        "chat_template": "{{ messages }}",
        "processor_class": "CLIPProcessor",
        "from_slow": False,
    }
    load(inputs(checkpoint=str(edited("tokenizer_config.json", **published))), TASK)
