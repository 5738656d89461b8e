"""The packaged tokenizer: one `tokenizer.json` for the Rust tokenizers, and the token ids that it gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from export.errors import ExportError


@dataclass(frozen=True)
class Encoded:
    """Token ids and segment ids of texts, truncated and not padded; `pad_id` fills up a batch."""

    ids: Sequence[Sequence[int]]
    type_ids: Sequence[Sequence[int]]
    pad_id: int

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> list[int]:
        """Tokens of each text."""
        return [len(ids) for ids in self.ids]

    def some(self, rows: Sequence[int]) -> "Encoded":
        """Those of the texts, in this order."""
        return Encoded([self.ids[row] for row in rows], [self.type_ids[row] for row in rows], self.pad_id)


def write_tokenizer(tokenizer: Any, max_length: int, path: Path) -> None:
    """Write a transformers fast tokenizer as `tokenizer.json`, truncating at `max_length` tokens, padding a batch to its longest.

    What an old file says of both is replaced: checkpoints often carry the lengths of their last training. Texts are cut at their
    end, as serving does.
    """
    rust = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    rust.enable_truncation(max_length)
    rust.enable_padding(pad_id=tokenizer.pad_token_id or 0, pad_token=tokenizer.pad_token or "[PAD]")
    path.parent.mkdir(parents=True, exist_ok=True)
    rust.save(str(path))


def encode(path: Path, texts: Sequence[str]) -> Encoded:
    """Token ids of texts by a packaged `tokenizer.json`."""
    tokenizer = Tokenizer.from_file(str(path))
    pad_id = tokenizer.padding["pad_id"]
    tokenizer.no_padding()
    encodings = tokenizer.encode_batch(list(texts))
    return Encoded([e.ids for e in encodings], [e.type_ids for e in encodings], pad_id)


def require_same_tokens(tokenizer: Any, max_length: int, texts: Sequence[str], encoded: Encoded) -> None:
    """Compare the packaged tokenizer's ids with the checkpoint's own tokenizer.

    Raises:
        ExportError: a text that becomes other tokens.
    """
    for number, (text, ids) in enumerate(zip(texts, encoded.ids, strict=True), start=1):
        if (expected := tokenizer(text, truncation=True, max_length=max_length)["input_ids"]) != list(ids):
            raise ExportError(
                f"the packaged tokenizer gives {len(ids)} tokens for example {number} and the checkpoint's gives {len(expected)}, "
                "or other ones; export cannot package this tokenizer"
            )
