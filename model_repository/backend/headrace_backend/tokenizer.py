"""Texts → windows of token ids, by the Rust tokenizer.

It truncates or cuts into windows and never pads; a text that it cannot take fails alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from tokenizers import Tokenizer

from headrace_backend.beginning import Beginnings
from headrace_backend.errors import TextError
from headrace_backend.items import Encoded, Query, Window

PAD_TOKENS = ("[PAD]", "<pad>", "<|padding|>")

Cut = Literal["longest_first", "only_first", "only_second"]
"""Which text of a pair is cut, as transformers names it."""


class TokenizerError(RuntimeError):
    """The tokenizer cannot be read; the message says which and why."""


@dataclass(frozen=True)
class Fit:
    """How a query is made to fit: windows of `max_length` tokens, special ones included.

    All windows but the first are dropped where `stride` is None; else each shares `stride` tokens
    with the one before.
    """

    max_length: int
    stride: int | None = None
    cut: Cut = "longest_first"
    offsets: bool = False
    """Whether windows carry the tokenizer's encoding."""


class TextTokenizer:
    """A `tokenizer.json` whose own truncation and padding are replaced by a `Fit`.

    The file says on which side a text is cut.
    """

    def __init__(self, path: Path, fit: Fit) -> None:
        """Read a tokenizer.

        Raises:
            TokenizerError: the file is not a tokenizer, the stride leaves no room, or windows would
                be cut from the end of a text.
        """
        self._fit = fit
        self._whole = _read(path)
        self._tokenizer = _read(path)
        padding = self._whole.padding
        candidates = (self._whole.token_to_id(token) for token in PAD_TOKENS)
        # padding is masked, so any id is right where the tokenizer does not name one
        self.pad_id: int = padding["pad_id"] if padding else next((i for i in candidates if i is not None), 0)
        side = (self._whole.truncation or {}).get("direction", "right")
        if side == "left" and fit.stride is not None:
            raise TokenizerError("Windows go from the beginning of a text to its end, and this tokenizer cuts at the beginning.")
        self._whole.no_padding()
        self._whole.no_truncation()
        self._tokenizer.no_padding()
        # a version has few prompts, and requests can only name them
        self._tokens_of_prompts: dict[str, int] = {}
        try:
            self._tokenizer.enable_truncation(fit.max_length, stride=fit.stride or 0, strategy=fit.cut, direction=side)
        except Exception as exc:  # the library raises nothing more specific
            raise TokenizerError(f"Windows of {fit.max_length} tokens cannot share {fit.stride}: {exc}") from exc
        self._types_of_single = _gives_types_to_single(self._whole)
        # windows go on to the end of a text, and what is cut at the beginning has its end read
        self._beginnings = Beginnings(self._whole, fit.max_length) if fit.stride is None and side == "right" else None

    def encode(self, queries: Sequence[Query]) -> list[Encoded | TextError]:
        """The windows of each query, or why it has none.

        Of a very long text only a beginning is tokenized, and the tokens of that count.
        """
        queries = [self._begun(query) for query in queries]
        # the fast method gives no offsets, and gives windows after the first wrong type ids
        fast = self._fit.stride is None and not self._fit.offsets
        encode = self._tokenizer.encode_batch_fast if fast else self._tokenizer.encode_batch
        try:
            encodings = encode([query.text if query.text_pair is None else (query.text, query.text_pair) for query in queries])
        except Exception as exc:  # the tokenizer raises nothing more specific; alone, the other texts are well
            if len(queries) == 1:
                return [TextError(_reason(exc))]
            return [self.encode([query])[0] for query in queries]
        return [self._encoded(query, encoding) for query, encoding in zip(queries, encodings, strict=True)]

    def _begun(self, query: Query) -> Query:
        """The query with beginnings of its texts, of which the same window is cut."""
        text, pair = query.text, query.text_pair
        if self._beginnings is None or not (self._beginnings.is_long(text) or (pair is not None and self._beginnings.is_long(pair))):
            return query
        try:
            begun = query._replace(text=self._beginnings.of(text), text_pair=None if pair is None else self._beginnings.of(pair))
            return begun if pair is None or self._cuts_alike(query, begun, self._beginnings) else query
        except Exception:  # the tokenizer cannot take the text, and whoever encodes it says so
            return query

    def _cuts_alike(self, query: Query, begun: Query, beginnings: Beginnings) -> bool:
        """Whether of a pair the same tokens are read as of the pair's beginnings.

        Each beginning has more tokens than are read. What is read of either text depends on the
        other's tokens only where both are cut: then each keeps half, and the longer one the odd
        token.
        """
        if self._fit.cut != "longest_first" or not (self._fit.max_length - self._whole.num_special_tokens_to_add(True)) % 2:
            return True
        first, second = begun.text != query.text, begun.text_pair != query.text_pair
        if first and second:
            return False
        tokens, others = beginnings.tokens(begun.text), beginnings.tokens(begun.text_pair or "")
        return tokens > others if first else others > tokens

    def _encoded(self, query: Query, encoding: Any) -> Encoded | TextError:
        tokens = len(encoding)
        if not tokens:
            return TextError("The text has no tokens.")
        windows = [self._window(query, encoding, self._prompt_tokens(query.prompt) if query.prompt else 0)]
        if tokens == self._fit.max_length:
            tokens = len(self._whole.encode_batch_fast([query.text if query.text_pair is None else (query.text, query.text_pair)])[0])
            if self._fit.stride is not None:
                windows += [self._window(query, further) for further in encoding.overflowing]
        return Encoded(windows, tokens)

    def _prompt_tokens(self, prompt: str) -> int:
        """Tokens of a prompt by itself, without a special one at its end: sentence-transformers'
        count."""
        if prompt not in self._tokens_of_prompts:
            encoding = self._whole.encode(prompt)
            ends_specially = bool(encoding.special_tokens_mask and encoding.special_tokens_mask[-1])
            self._tokens_of_prompts[prompt] = len(encoding) - ends_specially
        return self._tokens_of_prompts[prompt]

    def _window(self, query: Query, encoding: Any, not_pooled: int = 0) -> Window:
        return Window(
            np.array(encoding.ids, dtype=np.int64),
            None if query.text_pair is None and not self._types_of_single else np.array(encoding.type_ids, dtype=np.int64),
            encoding if self._fit.offsets else None,
            not_pooled,
        )


def _gives_types_to_single(tokenizer: Any) -> bool:
    """Whether the tokens of a single text have other types than 0; most tokenizers give them none.

    Then the types need not be read of each text.
    """
    try:
        return any(tokenizer.encode("a").type_ids)
    except Exception:  # a tokenizer that cannot take this text may give its types with another one
        return True


def decode(text: bytes) -> str:
    """UTF-8 → str.

    Raises:
        TextError: names the first byte that is not UTF-8.
    """
    try:
        return text.decode()
    except UnicodeDecodeError as exc:
        raise TextError(f"The text is not valid UTF-8: byte {exc.start} cannot be decoded.") from exc


def _read(path: Path) -> Any:
    try:
        return Tokenizer.from_file(str(path))
    except Exception as exc:  # the library raises nothing more specific
        raise TokenizerError(f"{path} is not a tokenizer: {exc}") from exc


def _reason(exc: Exception) -> str:
    if "too short to respect" in str(exc):
        return "The text that stays whole beside the one that is cut leaves no room for it; send a shorter one."
    return f"The text could not be tokenized: {exc}"
