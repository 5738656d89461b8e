"""How many tokens a model takes: a text of that length is tried.

Architectures differ in where their position tables end, so only a run can tell. What would be
computed in another way from some length on is refused there, as a graph has only one way.
"""

from collections.abc import Sequence
from typing import Any

import torch

from export.errors import RecipeError, first_line

_WORD = "a"


def require_max_length(model: Any, tokenizer: Any, max_length: int, pad_id: int) -> None:
    """Run a text of `max_length` tokens, alone and beside a short one.

    Raises:
        RecipeError: it is longer than the model takes, or needs another way of computing; or texts
            cannot be answered together.
    """
    use_one_attention(model, max_length)
    _require_one_rope(model.config, max_length)
    pattern = _Pattern(tokenizer, model.config.vocab_size, pad_id)
    if (fault := _fault(model, pattern.ids(max_length))) is not None:
        positions = getattr(model.config, "max_position_embeddings", "fewer")
        fits = _longest(model, pattern, max_length)
        if not fits:
            raise RecipeError(f"checkpoint: its model fails on every text: {first_line(fault)}") from fault
        raise RecipeError(
            f"max_length: the checkpoint cannot take {max_length} tokens: it has {positions} positions, and {fits} tokens fit; "
            f"set max_length: {fits} or less"
        ) from fault
    short, long = pattern.ids(pattern.shortest), pattern.ids(min(max_length, pattern.shortest + 1))
    padded = short + [pad_id] * (len(long) - len(short))
    mask = [[1] * len(short) + [0] * (len(long) - len(short)), [1] * len(long)]
    if (fault := _fault(model, padded, long, mask=mask)) is not None:
        raise RecipeError(
            f"checkpoint: its model cannot answer texts together: {first_line(fault)}; "
            f"add pad_token_id: {pad_id} to its config.json, if that is the padding token"
        ) from fault


def use_one_attention(model: Any, max_length: int) -> None:
    """Let BigBird compute all texts as it computes short ones: with full attention.

    transformers itself does so up to a length, and in blocks from there on.

    Raises:
        RecipeError: longer texts are asked for.
    """
    config, body = model.config, getattr(model, "base_model", model)
    if getattr(config, "attention_type", None) != "block_sparse":
        return
    limit = (5 + 2 * config.num_random_blocks) * config.block_size
    if max_length > limit:
        raise RecipeError(
            f"max_length: the checkpoint computes texts of more than {limit} tokens in blocks (config.json: attention_type block_sparse), "
            f"which a graph cannot do beside shorter ones; set max_length: {limit}, or attention_type: original_full in config.json"
        )
    parts = [part for part in body.modules() if hasattr(part, "set_attention_type")]
    for part in parts:
        part.set_attention_type("original_full")
    config.attention_type = "original_full"


def _require_one_rope(config: Any, max_length: int) -> None:
    scaling = getattr(config, "rope_scaling", None) or {}
    kind = scaling.get("rope_type", scaling.get("type")) if isinstance(scaling, dict) else None
    limit = config.max_position_embeddings if kind == "dynamic" else None
    if kind == "longrope":
        limit = getattr(config, "original_max_position_embeddings", None) or scaling.get("original_max_position_embeddings")
    if limit is not None and max_length > limit:
        raise RecipeError(
            f"max_length: the checkpoint computes texts of more than {limit} tokens with other rotary positions "
            f"(config.json: rope_scaling of type {kind}), which a graph cannot do beside shorter ones; set max_length: {limit} or less"
        )


class _Pattern:
    """Token ids of a text of any length: the tokenizer's special tokens around one ordinary one."""

    def __init__(self, tokenizer: Any, vocab_size: int, pad_id: int) -> None:
        found = tokenizer(_WORD, return_special_tokens_mask=True, truncation=False, verbose=False)
        special = found["special_tokens_mask"]
        inside = [at for at, one in enumerate(special) if not one]
        first, last = (inside[0], inside[-1]) if inside else (len(special), len(special) - 1)
        ids = found["input_ids"]
        self._before, self._after = ids[:first], ids[last + 1 :]
        reserved = {pad_id, *tokenizer.all_special_ids, getattr(tokenizer, "eos_token_id", None)}
        ordinary = [index for index in ids[first : last + 1] if index not in reserved]
        self._token = ordinary[0] if ordinary else next(index for index in range(vocab_size - 1, -1, -1) if index not in reserved)

    @property
    def shortest(self) -> int:
        """Tokens of the shortest text."""
        return len(self._before) + 1 + len(self._after)

    def ids(self, length: int) -> list[int]:
        """A text of `length` tokens."""
        around = len(self._before) + len(self._after)
        return [*self._before, *[self._token] * (length - around), *self._after][-length:]


def _fault(model: Any, *rows: Sequence[int], mask: Sequence[Sequence[int]] | None = None) -> Exception | None:
    ids = torch.tensor(rows)
    try:
        with torch.inference_mode():
            model(input_ids=ids, attention_mask=torch.ones_like(ids) if mask is None else torch.tensor(mask))
    except Exception as exc:  # programs of models raise anything for what they cannot take
        return exc
    return None


def _longest(model: Any, pattern: _Pattern, too_long: int) -> int:
    """The greatest length below `too_long` that the model takes; 0: none."""
    low, high = 0, too_long
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _fault(model, pattern.ids(middle)) is None else (low, middle)
    return low
