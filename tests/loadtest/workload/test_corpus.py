from pathlib import Path

import pytest

from loadtest.workload.corpus import CorpusError, read_corpus


def test_json_lines_give_their_texts(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text('{"text": "one\\ntwo", "label": "x"}\n\n{"text": "drei – 3"}\n', encoding="utf-8")
    assert read_corpus(path) == ("one\ntwo", "drei – 3")


def test_plain_lines_are_texts(tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    path.write_text('one\n\n  {"text": "not JSON here"}  \n')
    assert read_corpus(path) == ("one", '{"text": "not JSON here"}')


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no texts"),
        (b'{"text": "a"}\nnope\n', "line 2: not JSON"),
        (b'{"label": "a"}\n', 'line 1: no "text"'),
        (b'["a"]\n', 'line 1: no "text"'),
        (b'{"text": " "}\n', 'line 1: no "text"'),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_a_corpus_that_cannot_be_used_says_where(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "c.jsonl"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=said):
        read_corpus(path)


def test_a_missing_corpus_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"absent\.jsonl: No such file"):
        read_corpus(tmp_path / "absent.jsonl")
