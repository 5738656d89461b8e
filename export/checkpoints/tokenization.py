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


def write_tokenizer(tokenizer: Any, max_length: int, path: Path, pad_id: int | None = None) -> None:
    """Write a transformers fast tokenizer as `tokenizer.json`.

    It truncates at `max_length` tokens, at the end of a text that the tokenizer cuts
    (`truncation_side`), and pads a batch with `pad_id` to its longest text. Truncation and padding
    in the old file are replaced: checkpoints often carry the lengths of their last training.
    """
    rust = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    rust.enable_truncation(max_length, direction=tokenizer.truncation_side)
    pad = tokenizer.pad_token_id if pad_id is None else pad_id
    rust.enable_padding(pad_id=pad, pad_token=rust.id_to_token(pad) or "[PAD]")
    path.parent.mkdir(parents=True, exist_ok=True)
    rust.save(str(path))


def require_same_tokens(tokenizer: Any, path: Path, queries: Sequence[Query]) -> None:
    """Check that a packaged `tokenizer.json` gives the ids of the checkpoint's own tokenizer.

    Texts are compared whole, and single ones also as they are cut; of pairs also which text a token
    is of, where the tokenizer says so.

    Raises:
        ExportError: a text becomes other tokens.
    """
    packaged, cutting = Tokenizer.from_file(str(path)), Tokenizer.from_file(str(path))
    max_length = cutting.truncation["max_length"]
    for rust in (packaged, cutting):
        rust.no_padding()
    packaged.no_truncation()
    for number, (text, pair, _) in enumerate(queries, start=1):
        found = packaged.encode(text, pair)
        # in a batch, an empty second text makes a pair; alone, transformers would leave it out
        own = tokenizer([text], None if pair is None else [pair], truncation=False, verbose=False)
        same = own["input_ids"][0] == found.ids and own.get("token_type_ids", [found.type_ids])[0] == found.type_ids
        if same and pair is None and len(found.ids) > max_length:
            same = tokenizer(text, truncation=True, max_length=max_length)["input_ids"] == cutting.encode(text).ids
        if not same:
            raise ExportError(
                f"the packaged tokenizer gives {len(found.ids)} tokens for text {number} and the checkpoint's gives "
                f"{len(own['input_ids'][0])}, or other ones; export cannot package this tokenizer"
            )
