"""Labelled examples for exports in tests: the beginnings of R8's test documents."""

import json
from pathlib import Path

DOCUMENTS = Path(__file__).parents[2] / ".work/demo/r8-test.jsonl"
CHARS = 240
"""Whole documents say no more of an export than their beginnings, and take four times as long."""


def write_examples(path, count):
    """Write so many examples as JSON Lines, `text` and `label`."""
    with DOCUMENTS.open() as documents, path.open("w") as examples:
        for _, line in zip(range(count), documents, strict=False):
            example = json.loads(line)
            examples.write(json.dumps({**example, "text": example["text"][:CHARS]}) + "\n")
