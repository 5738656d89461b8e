"""Evaluation sets in each format: the same columns from all, and each fault with its place."""

import csv
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from export.data.table import read_table
from export.errors import TableError

SAVED = Path(__file__).parent / "saved_dataset"
"""Written by `save_to_disk` of the datasets library 5.2.0.

`label` and `tags` are class indices, `notes` lists of objects.
"""

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
ROWS = st.lists(st.fixed_dictionaries({"text": TEXT, "label": TEXT, "region": TEXT}), min_size=1, max_size=6)


def write_csv(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_json_lines(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_parquet(path: Path, rows: list[dict[str, str]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def write_folder(path: Path, rows: list[dict[str, str]]) -> Path:
    """As `save_to_disk` does, in two files."""
    path.mkdir(exist_ok=True)
    table, names = pa.Table.from_pylist(rows), ["data-00000-of-00002.arrow", "data-00001-of-00002.arrow"]
    for name, part in zip(names, (table[:1], table[1:]), strict=True):
        with pa.ipc.new_stream(path / name, table.schema) as stream:
            stream.write_table(part)
    (path / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names]}))
    return path


@given(rows=ROWS)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_same_examples_are_read_from_every_format(rows: list[dict[str, str]], tmp_path: Path) -> None:
    expected = {name: [row[name] for row in rows] for name in rows[0]}
    for path in (
        write_csv(tmp_path / "set.csv", rows),
        write_json_lines(tmp_path / "set.jsonl", rows),
        write_parquet(tmp_path / "set.parquet", rows),
        write_folder(tmp_path / "set", rows),
    ):
        table = read_table(path)
        assert table.columns == expected
        assert len(table) == len(rows)


def test_what_the_datasets_library_saved_is_read_with_names_for_class_indices() -> None:
    table = read_table(SAVED)
    assert table.columns == {
        "text": ['alna, "beno"\ncora', "düto", ""],
        "label": ["warm", "cold", "mild"],
        "region": ["north", "south", "north"],
        "score": [1.5, -2.0, 0.25],
        "tags": [["O", "B"], [], ["I"]],
        "notes": [[{"start": 0, "of": "alna"}], [], [{"start": 3, "of": ""}, {"start": 4, "of": "x"}]],
    }
    assert table.where(1) == f"row 2 of {SAVED}"


def test_parquet_written_from_that_keeps_the_names(tmp_path: Path) -> None:
    with (SAVED / "data-00000-of-00001.arrow").open("rb") as file:
        pq.write_table(pa.ipc.open_stream(file).read_all(), tmp_path / "set.parquet")
    assert read_table(tmp_path / "set.parquet").columns == read_table(SAVED).columns


def test_the_digest_of_a_folder_follows_its_examples_and_not_its_place(tmp_path: Path) -> None:
    copy = shutil.copytree(SAVED, tmp_path / "copy")
    assert read_table(copy).digest == read_table(SAVED).digest
    several = [
        write_folder(tmp_path / name, [{"text": "a"}, {"text": text}]) for name, text in (("one", "b"), ("two", "c"), ("three", "b"))
    ]
    first, second, third = (read_table(folder).digest for folder in several)
    assert first == third != second


def test_a_row_is_named_by_the_line_on_which_it_begins(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_bytes(b'\xef\xbb\xbftext,label\n"two\nlines",a\n\nb,c\n')
    table = read_table(tmp_path / "set.csv")
    assert table.columns == {"text": ["two\nlines", "b"], "label": ["a", "c"]}
    assert [table.where(row).partition(" of ")[0] for row in (0, 1)] == ["line 2", "line 5"]


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    (tmp_path / "set.jsonl").write_bytes(b'\xef\xbb\xbf{"text": "a"}\r\n{"text": "b"}\r\n')
    assert read_table(tmp_path / "set.jsonl").columns == {"text": ["a", "b"]}


def test_documents_longer_than_the_csv_librarys_own_limit_are_read(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text("text\n" + "a" * 200_000 + "\n")
    assert [len(str(text)) for text in read_table(tmp_path / "set.csv").columns["text"]] == [200_000]


def test_a_field_that_some_lines_lack_is_nothing_there(tmp_path: Path) -> None:
    (tmp_path / "set.jsonl").write_text('{"text": "a"}\n{"text": "b", "score": 1.5}\n')
    assert read_table(tmp_path / "set.jsonl").columns == {"text": ["a", "b"], "score": [None, 1.5]}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("bad.jsonl", b'{"text": "a"}\n{"text": "b"\n', r"line 2 of .*bad\.jsonl is not JSON"),
        ("bad.jsonl", b'{"text": "a"}\n["a"]\n', r"line 2 of .*bad\.jsonl is not a JSON object"),
        ("bad.jsonl", b"\n\n", r"bad\.jsonl holds no example"),
        ("bad.jsonl", b"\xff\xfe", r"bad\.jsonl is not UTF-8"),
        ("bad.csv", b"", r"bad\.csv holds no example"),
        ("bad.csv", b"text,label\n", r"bad\.csv holds no example"),
        ("bad.csv", b"text,text\na,b\n", r"line 1 of .*bad\.csv names the column 'text' more than once"),
        ("bad.csv", b"text,label\na,b\nyes, no,b\n", r"line 3 of .*bad\.csv has 3 fields, and the header has 2; quote fields with commas"),
        ("bad.csv", b'text,label\n"a,b\n', r"line 2 of .*bad\.csv is not CSV: unexpected end of data"),
        ("bad.csv", b"text\n\xff\n", r"bad\.csv is not UTF-8"),
        ("bad.parquet", b"text,label\n", r"bad\.parquet cannot be read as its suffix says"),
        ("bad.txt", b"a\n", r"bad\.txt has the suffix '\.txt'; known are \.csv, \.jsonl, \.json, \.parquet, and folders"),
        ("none/bad.csv", None, r"bad\.csv cannot be read: No such file"),
        ("folder/notes.txt", b"", r"folder is a folder without state\.json"),
        ("folder/dataset_dict.json", b'{"splits": ["train", "test"]}', r"folder holds the splits train, test; name one .* folder/test"),
        ("folder/state.json", b"{", r"state\.json is not JSON"),
        ("folder/state.json", b'{"_data_files": [1]}', r"state\.json does not name the data files"),
        ("folder/state.json", b'{"_data_files": [{"filename": "a.arrow"}]}', r"folder cannot be read: No such file"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(tmp_path: Path, name: str, content: bytes | None, reason: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    with pytest.raises(TableError, match=reason):
        read_table(path.parent if name.startswith("folder") else path)


def test_an_arrow_file_that_is_none_and_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "set", [{"text": "a"}, {"text": "b"}])
    with pa.ipc.new_stream(folder / "data-00001-of-00002.arrow", pa.schema([("other", pa.string())])) as stream:
        stream.write_table(pa.table({"other": ["b"]}))
    with pytest.raises(TableError, match=r"the columns of data-00000-of-00002\.arrow, data-00001-of-00002\.arrow differ"):
        read_table(folder)
    (folder / "data-00001-of-00002.arrow").write_bytes(b"no stream")
    with pytest.raises(TableError, match=r"data-00001-of-00002\.arrow cannot be read as its suffix says"):
        read_table(folder)


@pytest.mark.parametrize("text", ['[{"a": 1}, {"a": 2}]', '[\n  {\n    "a": 1\n  },\n  {"a": 2}\n]\n', '\n[{"a": 1},{"a": 2}]'])
def test_an_array_of_objects_is_read_however_it_is_laid_out(tmp_path: Path, text: str) -> None:
    path = tmp_path / "set.json"
    path.write_text(text)
    table = read_table(path)
    assert (table.columns, table.where(1)) == ({"a": [1, 2]}, f"row 2 of {path}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[{"a": 1}, 2]', "row 2 of .* is not a JSON object"),
        ('[{"a": 1},', "begins as a JSON array, and is none"),
        ('{\n "a": 1\n}', "line 1 of .* is not JSON: .*; an example is one object on one line, or in one array"),
        ('{"a": "x"}\n{"a": "y \\ud83d z"}', r"line 2 of .* holds half a character \(.ud83d\) in 'a', so it is no text"),
        ('{"a": ["x", {"b": "\\udc00"}]}', r"line 1 of .* holds half a character \(.udc00\) in 'a'"),
        ("[" * 100_000, "is none"),
    ],
)
def test_json_that_holds_no_examples_is_named(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(text)
    with pytest.raises(TableError, match=reason):
        read_table(path)
