"""The packaged tokenizer, and the windows of token ids that it gives.

It is one `tokenizer.json` for the Rust tokenizers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace_backend.items import Query, Window
from tokenizers import Tokenizer

from export.errors import ExportError


@dataclass(frozen=True)
class Encoded:
    """Windows of texts as the model reads them, without padding; `pad_id` fills up a batch."""

    windows: Sequence[Window]
    pad_id: int

    def __len__(self) -> int:
        return len(self.windows)

    @property
    def lengths(self) -> list[int]:
        """Tokens of each window."""
        return [len(window.ids) for window in self.windows]

    def some(self, rows: Sequence[int]) -> "Encoded":
        """The windows in these rows, in this order."""
        return Encoded([self.windows[row] for row in rows], self.pad_id)


def write_tokenizer(tokenizer: Any, max_length: int, path: Path) -> None:
    """Write a transformers fast tokenizer as `tokenizer.json`.

    It truncates at `max_length` tokens, at the end of a text, as serving does, and pads a batch to
    its longest text. Truncation and padding in the old file are replaced: checkpoints often carry
    the lengths of their last training.
    """
    rust = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    rust.enable_truncation(max_length)
    rust.enable_padding(pad_id=tokenizer.pad_token_id or 0, pad_token=tokenizer.pad_token or "[PAD]")
    path.parent.mkdir(parents=True, exist_ok=True)
    rust.save(str(path))


def require_same_tokens(tokenizer: Any, path: Path, queries: Sequence[Query]) -> None:
    """Check that a packaged `tokenizer.json` gives the ids of the checkpoint's own tokenizer.

    Whole texts are compared.

    Raises:
        ExportError: a text becomes other tokens.
    """
    packaged = Tokenizer.from_file(str(path))
    packaged.no_truncation()
    packaged.no_padding()
    for number, (text, pair, _) in enumerate(queries, start=1):
        ids = packaged.encode(text, pair).ids
        if (expected := tokenizer(text, pair, truncation=False, verbose=False)["input_ids"]) != ids:
            raise ExportError(
                f"the packaged tokenizer gives {len(ids)} tokens for text {number} and the checkpoint's gives {len(expected)}, "
                "or other ones; export cannot package this tokenizer"
            )
