"""Bytes → token ids: the Rust tokenizer, truncating and never padding; a text that it cannot take fails alone."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

PAD_TOKENS = ("[PAD]", "<pad>", "<|padding|>")


class TextError(ValueError):
    """Why one text cannot be processed, as a sentence for its sender."""


class TokenizerError(RuntimeError):
    """The tokenizer cannot be read; the message says which and why."""


class TextTokenizer:
    """A `tokenizer.json` that cuts texts to `max_length` tokens, special tokens included."""

    def __init__(self, path: Path, max_length: int) -> None:
        """Read a tokenizer.

        Raises:
            TokenizerError: the file is not a tokenizer.
        """
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as exc:  # the library raises nothing more specific
            raise TokenizerError(f"{path} is not a tokenizer: {exc}") from exc
        padding = self._tokenizer.padding
        candidates = (self._tokenizer.token_to_id(token) for token in PAD_TOKENS)
        # padding is masked, so any id is right where the tokenizer names none
        self.pad_id: int = padding["pad_id"] if padding else next((i for i in candidates if i is not None), 0)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length)

    def encode(self, texts: Sequence[bytes]) -> list[NDArray[np.int64] | TextError]:
        """Token ids of each UTF-8 text, or why it has none."""
        decoded = [_decode(text) for text in texts]
        good = [text for text in decoded if isinstance(text, str)]
        encoded = iter(self._encode(good))
        return [next(encoded) if isinstance(text, str) else text for text in decoded]

    def _encode(self, texts: list[str]) -> list[NDArray[np.int64] | TextError]:
        try:
            encodings = self._tokenizer.encode_batch_fast(texts)
        except Exception as exc:  # the tokenizer raises nothing more specific; alone, the other texts are well
            if len(texts) == 1:
                return [TextError(f"The text could not be tokenized: {exc}")]
            return [self._encode([text])[0] for text in texts]
        return [np.array(e.ids, dtype=np.int64) if len(e) else TextError("The text has no tokens.") for e in encodings]


def _decode(text: bytes) -> str | TextError:
    try:
        return text.decode()
    except UnicodeDecodeError as exc:
        return TextError(f"The text is not valid UTF-8: byte {exc.start} cannot be decoded.")
