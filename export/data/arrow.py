"""Columns from Parquet and Arrow files.

Class indices become the names that the `datasets` library wrote into the schema.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from export.errors import TableError, first_line

Columns = Mapping[str, Sequence[object]]


def read_parquet(path: Path) -> Columns:
    """The columns of a Parquet file.

    Raises:
        TableError: it is not one.
    """
    return _columns([path], pq.read_table)


def read_streams(paths: Sequence[Path]) -> Columns:
    """The columns of Arrow streams, one stream after the other.

    Raises:
        TableError: a file is not a stream, or their columns differ.
    """
    return _columns(paths, lambda file: pa.ipc.open_stream(file).read_all())


def _columns(paths: Sequence[Path], read: Callable[[Any], Any]) -> Columns:
    tables = []
    for path in paths:
        with path.open("rb") as file:
            try:
                tables.append(read(file))
            except pa.ArrowException as exc:
                raise TableError(f"{path} cannot be read as its suffix says: {first_line(exc)}") from exc
    try:
        table = pa.concat_tables(tables)
    except pa.ArrowException as exc:
        raise TableError(f"the columns of {', '.join(path.name for path in paths)} differ") from exc
    features = _features(table.schema.metadata)
    return {name: _named(table[name].to_pylist(), features.get(name)) for name in table.column_names}


def _features(metadata: Mapping[bytes, bytes] | None) -> dict[str, Any]:
    """What the datasets library says of the columns; empty where another tool wrote the file."""
    try:
        features = json.loads((metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    return features if isinstance(features, dict) else {}


def _named(value: Any, feature: Any) -> Any:
    """A value, or a column of values, with names in the place of class indices, in lists too."""
    if isinstance(value, list):
        inner = feature.get("feature", feature) if isinstance(feature, dict) else None
        return [_named(item, inner) for item in value]
    if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and isinstance(value, int) and 0 <= value < len(feature["names"]):
        return feature["names"][value]
    return value
