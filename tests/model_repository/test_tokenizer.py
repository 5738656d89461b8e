"""Bytes → token ids: as the tokenizer alone gives them, cut, never padded, each text on its own."""

import numpy as np
import pytest
from headrace_backend.tokenizer import TextError, TextTokenizer, TokenizerError
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
    return TextTokenizer(classifier.tokenizer, MAX_LENGTH)


@given(texts=st.lists(st.text(), max_size=8))
def test_each_text_is_encoded_as_alone_and_cut_to_the_longest(tokenizer, alone, texts):
    encoded = tokenizer.encode([text.encode() for text in texts])
    assert [ids.tolist() for ids in encoded] == [alone.encode(text).ids for text in texts]
    assert all(2 <= len(ids) <= MAX_LENGTH and ids.dtype == np.int64 for ids in encoded)


@given(texts=st.lists(st.binary(max_size=6), max_size=8))
def test_exactly_the_texts_that_are_not_utf8_fail(tokenizer, texts):
    encoded = tokenizer.encode(texts)
    assert [isinstance(ids, TextError) for ids in encoded] == [text != text.decode(errors="ignore").encode() for text in texts]


def test_a_text_without_tokens_fails(tmp_path):
    Tokenizer(WordPiece({"[UNK]": 0})).save(str(tmp_path / "tokenizer.json"))
    (error,) = TextTokenizer(tmp_path / "tokenizer.json", MAX_LENGTH).encode([b""])
    assert str(error) == "The text has no tokens."


def test_a_text_that_the_tokenizer_cannot_take_fails_alone(tmp_path):
    Tokenizer(WordPiece({"ship": 0}, unk_token="[UNK]")).save(str(tmp_path / "tokenizer.json"))  # noqa: S106 - no password
    ship, unknown = TextTokenizer(tmp_path / "tokenizer.json", MAX_LENGTH).encode([b"ship", b"zebra"])
    assert ship.tolist() == [0]
    assert str(unknown).startswith("The text could not be tokenized: ")


def test_padding_is_the_tokenizers_own_token(tmp_path, tokenizer):
    assert tokenizer.pad_id == 0
    vocabulary = {"<s>": 0, "<pad>": 1, "[UNK]": 2}
    Tokenizer(WordPiece(vocabulary)).save(str(tmp_path / "tokenizer.json"))
    assert TextTokenizer(tmp_path / "tokenizer.json", MAX_LENGTH).pad_id == 1
    padding = Tokenizer(WordPiece(vocabulary))
    padding.enable_padding(pad_id=2)
    padding.save(str(tmp_path / "tokenizer.json"))
    assert TextTokenizer(tmp_path / "tokenizer.json", MAX_LENGTH).pad_id == 2


def test_a_file_that_is_no_tokenizer_is_named(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(TokenizerError, match=r"tokenizer\.json is not a tokenizer: "):
        TextTokenizer(tmp_path / "tokenizer.json", MAX_LENGTH)
