"""The texts of a load test, which come from a file."""

import json
from pathlib import Path

JSON_LINES = {".jsonl", ".ndjson"}


class CorpusError(ValueError):
    """A corpus file that cannot be used; the message says which line and why."""


def read_corpus(path: Path) -> tuple[str, ...]:
    """The texts of a corpus.

    The file is JSON Lines with a `text` each (`.jsonl`, `.ndjson`), or has one text a line. Blank
    lines are skipped.

    Raises:
        CorpusError: the file cannot be read, a line has no text, or there is none at all.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "not UTF-8"
        raise CorpusError(f"{path}: {reason}") from exc
    numbered = [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
    as_json = path.suffix in JSON_LINES
    texts = tuple(_parse_json(line, f"{path}: line {number}") if as_json else line for number, line in numbered)
    if not texts:
        raise CorpusError(f"{path}: no texts in it")
    return texts


def _parse_json(line: str, where: str) -> str:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as exc:
        raise CorpusError(f"{where}: not JSON: {exc.msg}") from exc
    text = value.get("text") if isinstance(value, dict) else None
    if not isinstance(text, str) or not text.strip():
        raise CorpusError(f'{where}: no "text" in it')
    return text
