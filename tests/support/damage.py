"""Ways in which the files of a checkpoint come damaged, foreign or of other types: seeded."""

import json
import random
from pathlib import Path
from typing import Any

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21461\nsize 12345\n"
OTHER = (None, True, False, -1, 0, 3, 1.5, "x", "", [], {}, [1], ["x"], {"x": 1}, {"0": "x"}, [[]], "7", "\ud83d", "é😀")
"""Values that may stand where another one belongs."""


def damage(folder: Path, rng: random.Random) -> str:
    """Damage one file of a folder in a random way; returns what was done."""
    path = rng.choice(sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in (".json", ".safetensors", ".txt")))
    data = path.read_bytes()
    whole = {
        "cut": lambda: data[: rng.randrange(len(data) + 1)],
        "pointer": lambda: POINTER,
        "noise": lambda: rng.randbytes(rng.choice((0, 1, 8, 200))),
        "another's": lambda: rng.choice(sorted(one for one in folder.rglob("*") if one.is_file())).read_bytes(),
        "flipped": lambda: _flipped(data, rng),
        "UTF-16": lambda: data.decode("utf-8", "replace").encode("utf-16"),
    }
    kind = rng.choice([*whole, "gone", *["value"] * 12] if path.suffix == ".json" else [*whole, "gone"])
    if kind == "gone":
        path.unlink()
    elif kind == "value":
        value, where = _changed(json.loads(data), rng)
        path.write_text(json.dumps(value))
        return f"{path.relative_to(folder)}: {where}"
    else:
        path.write_bytes(whole[kind]())
    return f"{path.relative_to(folder)}: {kind}"


def _flipped(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 3, 20)) if changed else 0):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _changed(value: Any, rng: random.Random) -> tuple[Any, str]:
    """A JSON value with one value in it changed, left out, or added."""
    if not isinstance(value, dict | list) or not value or rng.random() < 0.15:
        other = rng.choice(OTHER)
        return other, f"= {other!r}"
    if isinstance(value, list):
        at = rng.randrange(len(value))
        new, where = _changed(value[at], rng)
        return [*value[:at], new, *value[at + 1 :]], f"[{at}]{where}"
    key = rng.choice(sorted(value))
    match rng.randrange(8):
        case 0:
            return {name: one for name, one in value.items() if name != key}, f".{key} left out"
        case 1:
            return {**value, f"{key}_": value[key]}, f".{key}_ added"
    new, where = _changed(value[key], rng)
    return {**value, key: new}, f".{key}{where}"
