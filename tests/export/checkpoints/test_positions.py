"""The longest text is tried, as the tokenizer makes one; what depends on the length is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from export.checkpoints.load import load
from export.checkpoints.positions import require_max_length
from export.errors import RecipeError
from export.inputs import Inputs
from export.tasks import TASKS

Make = Callable[..., Any]
TASK = TASKS["text-classification"]


def test_the_length_that_fits_is_named(inputs: Callable[..., Inputs], saved: Make, unigram: Make) -> None:
    """RoBERTa's positions begin behind the padding token's: 514 positions are 512 tokens."""
    folder = saved("roberta", unigram(), max_position_embeddings=514)
    with pytest.raises(RecipeError, match="cannot take 514 tokens: it has 514 positions, and 512 tokens fit; set max_length: 512 or less"):
        load(inputs(checkpoint=str(folder), max_length=514), TASK)
    assert load(inputs(checkpoint=str(folder), max_length=512), TASK).answering.max_length == 512


def test_positions_are_tried_with_tokens_that_are_no_padding(inputs: Callable[..., Inputs], saved: Make, unigram: Make) -> None:
    tokenizer = unigram()
    last = len(tokenizer) - 1
    tokenizer.pad_token = tokenizer.convert_ids_to_tokens(last)
    folder = saved("roberta", tokenizer, pad_token_id=last, vocab_size=len(tokenizer), max_position_embeddings=100)
    with pytest.raises(RecipeError, match="cannot take 90 tokens: it has 100 positions, and"):
        load(inputs(checkpoint=str(folder), max_length=90), TASK)


def test_a_head_that_reads_the_last_separator_is_tried_with_one(served: Make, alone: Make, saved: Make, unigram: Make) -> None:
    """BART's answer is made of its last `</s>`, as bart-large-mnli's."""
    folder = saved("bart", unigram(model_input_names=["input_ids", "attention_mask"]), decoder_start_token_id=2)
    rows = [("alna bero", "cota"), ("duva elno fito", "gora huvo alna"), ("huvo", "gora")]
    np.testing.assert_allclose(served(folder, rows, postprocessing={"text_pair": True}), alone(folder, rows), atol=1e-4)


def test_bigbird_computes_up_to_its_switch_with_full_attention(
    inputs: Callable[..., Inputs], saved: Make, unigram: Make, served: Make, alone: Make
) -> None:
    blocks = {"attention_type": "block_sparse", "block_size": 4, "num_random_blocks": 1, "max_position_embeddings": 64}
    folder = saved("big_bird", unigram(), **blocks)
    rows = [("alna bero cota duva elno fito gora huvo " * 2,), ("alna",)]
    np.testing.assert_allclose(served(folder, rows), alone(folder, rows), atol=1e-4)
    with pytest.raises(RecipeError, match=r"computes texts of more than 28 tokens in blocks .* set max_length: 28, or attention_type"):
        load(inputs(checkpoint=str(folder), max_length=29), TASK)


@pytest.mark.parametrize(
    "scaling",
    [
        {"rope_type": "dynamic", "factor": 2.0},
        {
            "rope_type": "longrope",
            "factor": 2.0,
            "short_factor": [1.0] * 4,
            "long_factor": [2.0] * 4,
            "original_max_position_embeddings": 64,
        },
    ],
)
def test_rotary_positions_that_change_with_the_length_are_refused_from_there_on(
    saved: Make, unigram: Make, scaling: dict[str, Any]
) -> None:
    tokenizer = unigram()
    folder = saved("llama", tokenizer, rope_scaling=scaling)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    require_max_length(model, tokenizer, 64, 1)
    with pytest.raises(RecipeError, match=rf"texts of more than 64 tokens with other rotary positions .* of type {scaling['rope_type']}"):
        require_max_length(model, tokenizer, 65, 1)


def test_a_model_that_fails_on_every_text_is_said_to(saved: Make, unigram: Make) -> None:
    tokenizer = unigram()
    model = transformers.AutoModelForSequenceClassification.from_pretrained(saved("bert", tokenizer)).eval()
    model.classifier = torch.nn.Linear(7, 3)
    with pytest.raises(RecipeError, match="its model fails on every text"):
        require_max_length(model, tokenizer, 24, 1)
