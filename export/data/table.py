"""A table from a file or folder.

It is CSV, JSON lines, Parquet, or what `datasets.Dataset.save_to_disk` wrote.
"""

import csv
import hashlib
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from export.errors import TableError
from model_repository.manifest import file_digest

_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Table:
    """Columns by name, in their order.

    A value is one that JSON has, None where a row has none; from CSV every value is a string.
    `numbers` says where each row stands in `path`, counted in `unit` ("line" or "row") from 1;
    `files` are the files that were read.
    """

    path: Path
    columns: Mapping[str, Sequence[object]]
    unit: str
    numbers: Sequence[int]
    files: Sequence[Path]

    def __len__(self) -> int:
        return len(self.numbers)

    def some(self, rows: Sequence[int]) -> "Table":
        """The table of these rows, in this order."""
        columns = {name: [values[row] for row in rows] for name, values in self.columns.items()}
        return replace(self, columns=columns, numbers=[self.numbers[row] for row in rows])

    def where(self, row: int) -> str:
        """The place of a row, for a message."""
        return f"{self.unit} {self.numbers[row]} of {self.path}"

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of the file, or over the digests of a folder's files."""
        digests = [file_digest(file) for file in self.files]
        return digests[0] if len(digests) == 1 else f"sha256:{hashlib.sha256(json.dumps(digests).encode()).hexdigest()}"


def read_table(path: Path) -> Table:
    """Read a table; the suffix tells its format, and a folder is one of the `datasets` library.

    Raises:
        TableError: it cannot be read, or is not what its suffix says.
    """
    reader = _datasets_folder if path.is_dir() else _READERS.get(path.suffix.lower())
    if reader is None:
        raise TableError(f"{path} has the suffix {path.suffix!r}; known are {', '.join(_READERS)}, and folders of the datasets library")
    try:
        table = reader(path)
    except OSError as exc:
        raise TableError(f"{path} cannot be read: {exc.strerror or exc}") from exc
    except UnicodeDecodeError as exc:
        raise TableError(f"{path} is not UTF-8: {exc}") from exc
    if not len(table):
        raise TableError(f"{path} holds no example")
    return table


def _json_file(path: Path) -> Table:
    """One JSON object on each line, or one array of objects, however it is laid out."""
    text = path.read_text(encoding="utf-8-sig")
    return _json_array(path, text) if text.lstrip().startswith("[") else _json_lines(path, text)


def _json_array(path: Path, text: str) -> Table:
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise TableError(f"{path} begins as a JSON array, and is none: {exc}") from exc
    for number, row in enumerate(rows, start=1):
        _require_object(row, f"row {number} of {path}")
    return _rows(path, _columns(rows), [path])


def _json_lines(path: Path, text: str) -> Table:
    rows: list[dict[str, object]] = []
    numbers = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as exc:
            raise TableError(f"line {number} of {path} is not JSON: {exc}; an example is one object on one line, or in one array") from exc
        _require_object(row, f"line {number} of {path}")
        rows.append(row)
        numbers.append(number)
    return Table(path, _columns(rows), "line", numbers, [path])


def _columns(rows: Sequence[Mapping[str, object]]) -> dict[str, list[object]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _require_object(row: object, where: str) -> None:
    if not isinstance(row, dict):
        raise TableError(f"{where} is not a JSON object; an example is one object on one line, or in one array")
    for name, value in row.items():
        if half := _HALF_CHARACTER.search(json.dumps([name, value], ensure_ascii=False)):
            raise TableError(
                f"{where} holds half a character ({ascii(half[0])[1:-1]}) in {ascii(name)[1:-1]!r}, so it is no text: "
                "write both halves of the surrogate pair, or remove this one"
            )


def _csv(path: Path) -> Table:
    csv.field_size_limit(sys.maxsize)  # the library's own limit is shorter than a long document
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            names = next(reader, [])
            if repeated := {name for name in names if names.count(name) > 1}:
                raise TableError(f"line 1 of {path} names the column {min(repeated)!r} more than once")
            rows, numbers, begin = [], [], reader.line_num + 1
            for row in reader:
                if row and len(row) != len(names):
                    raise TableError(
                        f"line {begin} of {path} has {len(row)} fields, and the header has {len(names)}; quote fields with commas"
                    )
                if row:
                    rows.append(row)
                    numbers.append(begin)
                begin = reader.line_num + 1
        except csv.Error as exc:
            raise TableError(f"line {reader.line_num} of {path} is not CSV: {exc}") from exc
    return Table(path, {name: [row[at] for row in rows] for at, name in enumerate(names)}, "line", numbers, [path])


def _parquet(path: Path) -> Table:
    # pyarrow takes a while to import, and few evaluation sets need it
    from export.data import arrow

    return _rows(path, arrow.read_parquet(path), [path])


def _datasets_folder(path: Path) -> Table:
    from export.data import arrow

    files = _arrow_files(path)
    return _rows(path, arrow.read_streams(files), files)


def _arrow_files(path: Path) -> list[Path]:
    """The Arrow files of a folder, in order; `state.json` names them."""
    if (splits := path / "dataset_dict.json").is_file():
        names = [str(name) for name in _json(splits).get("splits", [])] or ["test"]
        raise TableError(f"{path} holds the splits {', '.join(names)}; name one of them, such as {path.name}/{names[-1]}")
    state = path / "state.json"
    if not state.is_file():
        raise TableError(f"{path} is a folder without state.json, so the datasets library's save_to_disk did not write it")
    try:
        return [path / file["filename"] for file in _json(state)["_data_files"]]
    except (KeyError, TypeError) as exc:
        raise TableError(f"{state} does not name the data files; write the folder anew with save_to_disk") from exc


def _json(path: Path) -> dict[str, list[dict[str, str]]]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as exc:
        raise TableError(f"{path} is not JSON: {exc}") from exc
    return value if isinstance(value, dict) else {}


def _rows(path: Path, columns: Mapping[str, Sequence[object]], files: Sequence[Path]) -> Table:
    examples = len(next(iter(columns.values()), ()))
    return Table(path, columns, "row", range(1, examples + 1), files)


_READERS: Mapping[str, Callable[[Path], Table]] = {".csv": _csv, ".jsonl": _json_file, ".json": _json_file, ".parquet": _parquet}
