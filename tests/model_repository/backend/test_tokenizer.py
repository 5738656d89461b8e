"""Texts → token ids: as the tokenizer alone gives them, cut, never padded, each text on its own."""

import numpy as np
import pytest
from headrace_backend.errors import TextError
from headrace_backend.items import Query
from headrace_backend.tokenizer import Fit, TextTokenizer, TokenizerError, decode
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordPiece

MAX_LENGTH = 12


@pytest.fixture(scope="module")
def alone(classifier):
    tokenizer = Tokenizer.from_file(str(classifier.tokenizer))
    tokenizer.enable_truncation(MAX_LENGTH)
    return tokenizer


@pytest.fixture(scope="module")
def tokenizer(classifier):
    return TextTokenizer(classifier.tokenizer, Fit(MAX_LENGTH))


@given(texts=st.lists(st.text(), max_size=8))
def test_each_text_is_encoded_as_alone_and_cut_to_the_longest(tokenizer, alone, texts):
    encoded = [window for query in tokenizer.encode([Query(text) for text in texts]) for window in query.windows]
    assert [window.ids.tolist() for window in encoded] == [alone.encode(text).ids for text in texts]
    assert all(2 <= len(window.ids) <= MAX_LENGTH and window.ids.dtype == np.int64 for window in encoded)


@given(texts=st.lists(st.text("shipwheat ", max_size=120), max_size=4), stride=st.integers(0, 6))
def test_windows_hold_every_token_and_share_the_stride(classifier, texts, stride):
    whole = Tokenizer.from_file(str(classifier.tokenizer))
    windowed = TextTokenizer(classifier.tokenizer, Fit(MAX_LENGTH, stride))
    for text, encoded in zip(texts, windowed.encode([Query(text) for text in texts]), strict=True):
        joined = encoded.windows[0].ids.tolist()[1:-1]
        for window in encoded.windows[1:]:
            inner = window.ids.tolist()[1:-1]
            assert inner[:stride] == joined[len(joined) - stride :]
            joined += inner[stride:]
        expected = whole.encode(text).ids
        assert joined == expected[1:-1]
        assert encoded.tokens == len(expected)


def test_of_a_pair_the_longer_text_is_cut_or_the_one_that_may_be(classifier):
    pair = Query("wheat " * 3, "oil " * 30)
    (longest,) = TextTokenizer(classifier.tokenizer, Fit(MAX_LENGTH)).encode([pair])
    assert (len(longest.windows), len(longest.windows[0].ids), longest.tokens) == (1, MAX_LENGTH, 36)
    assert longest.windows[0].type_ids.tolist() == [0] * 5 + [1] * 7
    (windowed,) = TextTokenizer(classifier.tokenizer, Fit(MAX_LENGTH, 2, "only_second")).encode([pair])
    assert all(window.ids.tolist()[:5] == longest.windows[0].ids.tolist()[:5] for window in windowed.windows)
    assert len(windowed.windows) == 7  # 6 of the 30 at first, then 4 new ones each
    (error,) = TextTokenizer(classifier.tokenizer, Fit(MAX_LENGTH, 2, "only_second")).encode([Query("wheat " * 30, "oil")])
    assert "leaves no room" in str(error)


@given(texts=st.lists(st.binary(max_size=6), max_size=8))
def test_exactly_the_texts_that_are_not_utf8_fail(texts):
    for text in texts:
        if text == text.decode(errors="ignore").encode():
            assert decode(text).encode() == text
        else:
            with pytest.raises(TextError, match="UTF-8"):
                decode(text)


def test_a_text_without_tokens_fails(tmp_path):
    Tokenizer(WordPiece({"[UNK]": 0})).save(str(tmp_path / "tokenizer.json"))
    (error,) = TextTokenizer(tmp_path / "tokenizer.json", Fit(MAX_LENGTH)).encode([Query("")])
    assert str(error) == "The text has no tokens."


def test_a_text_that_the_tokenizer_cannot_take_fails_alone(tmp_path):
    Tokenizer(WordPiece({"ship": 0}, unk_token="[UNK]")).save(str(tmp_path / "tokenizer.json"))  # noqa: S106 - no password
    ship, unknown = TextTokenizer(tmp_path / "tokenizer.json", Fit(MAX_LENGTH)).encode([Query("ship"), Query("zebra")])
    assert ship.windows[0].ids.tolist() == [0]
    assert str(unknown).startswith("The text could not be tokenized: ")


def test_padding_is_the_tokenizers_own_token(tmp_path, tokenizer):
    assert tokenizer.pad_id == 0
    vocabulary = {"<s>": 0, "<pad>": 1, "[UNK]": 2}
    Tokenizer(WordPiece(vocabulary)).save(str(tmp_path / "tokenizer.json"))
    assert TextTokenizer(tmp_path / "tokenizer.json", Fit(MAX_LENGTH)).pad_id == 1
    padding = Tokenizer(WordPiece(vocabulary))
    padding.enable_padding(pad_id=2)
    padding.save(str(tmp_path / "tokenizer.json"))
    assert TextTokenizer(tmp_path / "tokenizer.json", Fit(MAX_LENGTH)).pad_id == 2


def test_a_file_that_is_no_tokenizer_is_named(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(TokenizerError, match=r"tokenizer\.json is not a tokenizer: "):
        TextTokenizer(tmp_path / "tokenizer.json", Fit(MAX_LENGTH))
