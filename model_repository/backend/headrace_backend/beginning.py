"""The beginning of a long text, where the tokens that the model reads cannot depend on the rest.

To tokenize 128 KiB of which 256 tokens are read costs a hundred times what those cost. A tokenizer
splits a text into words and then tokenizes each word alone; so the tokens of all words but the last
ones of a beginning are those of the whole text. This is looked at, not assumed: where the beginning
has too few tokens or too few words, a longer one is taken, and at last the whole text.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

MARGIN_TOKENS = 64
"""The beginning has so many tokens more than the model reads."""
MARGIN_WORDS = 2
"""So many words stand between the last token that is read and the end of the beginning."""
CHARS_PER_TOKEN = 8
GROWTH = 4
_LOCAL_NORMALIZERS = {
    *("BertNormalizer", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Nmt", "Precompiled", "Prepend", "Strip", "StripAccents"),
    *("ByteLevel", "Sequence", "Replace"),
}
_LOCAL_SPLITS = {
    *("BertPreTokenizer", "ByteLevel", "CharDelimiterSplit", "Digits", "Metaspace", "Punctuation", "UnicodeScripts"),
    *("Whitespace", "WhitespaceSplit", "Sequence", "Split"),
}


class Beginnings:
    """Finds the beginnings of texts, for a model that reads `max_length` tokens of each.

    `tokenizer` neither cuts nor pads.
    """

    def __init__(self, tokenizer: Any, max_length: int) -> None:
        self._tokenizer, self._max_length = tokenizer, max_length
        self._chars = (max_length + MARGIN_TOKENS) * CHARS_PER_TOKEN
        described = json.loads(tokenizer.to_str())
        parts = list(_parts(described.get("normalizer"))), list(_parts(described.get("pre_tokenizer")))
        self._local = all(part["type"] in _LOCAL_NORMALIZERS and _is_literal(part) for part in parts[0]) and all(
            part["type"] in _LOCAL_SPLITS for part in parts[1]
        )
        # a pattern may look ahead as far as it likes, but not usefully across white space
        self._needs_space = any(part["type"] == "Split" for part in parts[1])

    def is_long(self, text: str) -> bool:
        """Whether the text may have a beginning that is worth looking for."""
        return self._local and len(text) > 2 * self._chars

    def of(self, text: str) -> str:
        """A beginning of the text whose first `max_length` tokens are those of the text.

        It is the text itself where that is not much longer or no such beginning is found.
        """
        chars = self._chars
        while self.is_long(text) and len(text) > 2 * chars:
            if self._is_enough(beginning := text[:chars]):
                return beginning
            chars *= GROWTH
        return text

    def tokens(self, text: str) -> int:
        """The tokens of a text, without special ones."""
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def _is_enough(self, beginning: str) -> bool:
        encoding = self._tokenizer.encode(beginning, add_special_tokens=False)
        words, last = encoding.word_ids, self._max_length - 1
        if len(words) < self._max_length + MARGIN_TOKENS or None in words:
            return False
        if words[last] + MARGIN_WORDS >= words[-1]:
            return False
        end = encoding.offsets[last][1]
        return not self._needs_space or any(map(str.isspace, beginning[end:]))


def _parts(described: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    """A normalizer or pre-tokenizer, and all that it consists of."""
    if described is None:
        return
    yield described
    for part in described.get("normalizers", described.get("pretokenizers", ())):
        yield from _parts(part)


def _is_literal(part: Mapping[str, Any]) -> bool:
    """Whether a part replaces, if anything, no more than a text of its own or runs of spaces."""
    pattern = part.get("pattern", {"String": ""})
    return "String" in pattern or pattern.get("Regex") in (" {2,}", r"\s+")
