"""What bash starts when a shell block of a page is pasted: the programs note their words."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

NOTED = ("cp", "curl", "docker", "helm", "kubectl", "make", "mkdir", "perf_analyzer")
TEXT_TOOLS = ("cut", "openssl", "sha256sum", "tr")
"""Programs that make values of other commands; these run."""
ANSWERS = {"pgrep": "1"}
"""Programs that find what does not run here, and what they print instead."""
PYTHON = ".venv/bin/python"

_NOTE = """#!{python} -IS
import json, os, sys
settings = {{name: value for name, value in os.environ.items() if name.startswith("HEADRACE_")}}
with open({notes!r}, "a") as notes:
    notes.write(json.dumps([[{name!r}, *sys.argv[1:]], settings]) + "\\n")
"""


@dataclass(frozen=True)
class Command:
    """The words of a command, and the `HEADRACE_*` variables that it was given."""

    words: tuple[str, ...]
    settings: dict[str, str]


def commands(text, folder):
    """The commands of a shell block, as bash reads them in the empty `folder`.

    A program that is not known here is an AssertionError. So is a bare `python`: a reader has the
    one of the clone.
    """
    notes = folder / "notes"
    notes.touch()
    for name in (*NOTED, PYTHON):
        program = folder / (name if name == PYTHON else f"programs/{name}")
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(_NOTE.format(python=sys.executable, notes=str(notes), name=name))
        program.chmod(0o755)
    for name, answer in ANSWERS.items():
        program = folder / "programs" / name
        program.write_text(f"#!/bin/sh\necho {answer}\n")
        program.chmod(0o755)
    for name in TEXT_TOOLS:
        (folder / "programs" / name).symlink_to(Path("/usr/bin") / name)
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", f"{text}\nwait"],
        cwd=folder,
        env={"PATH": str(folder / "programs"), "HOME": str(folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{text}\n{done.stderr}"
    return [Command(tuple(words), settings) for words, settings in map(json.loads, notes.read_text().splitlines())]
