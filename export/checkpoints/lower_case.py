"""Lower-casing before a tokenizer, as sentence-transformers' `do_lower_case` asks for it."""

from typing import Any

from tokenizers.normalizers import Lowercase, Normalizer, Sequence


def lower_case(tokenizer: Any) -> None:
    """Let a transformers fast tokenizer lower-case texts before all else that it does to them."""
    backend = tokenizer.backend_tokenizer
    steps: list[Normalizer] = [Lowercase()]
    if isinstance(backend.normalizer, Sequence):
        steps += list(backend.normalizer)
    elif backend.normalizer is not None:
        steps.append(backend.normalizer)
    backend.normalizer = Sequence(steps)
