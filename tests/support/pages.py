"""The blocks of the Markdown pages, which the tests run as a reader would."""

import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
SHELL = ("sh", "bash", "console")
DRAWN = "text"
"""The language of diagrams and formulas, which no program reads."""


@dataclass(frozen=True)
class Block:
    """A block of code; `language` is empty for one that is indented or says none."""

    page: str
    line: int
    language: str
    text: str


def pages():
    """Every Markdown page that git tracks, relative to the root."""
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.split()


def blocks_of(page):
    """All blocks of a page, in their order."""
    tokens = MarkdownIt().parse((ROOT / page).read_text(encoding="utf-8"))
    return [Block(page, token.map[0] + 1, token.info.strip(), token.content) for token in tokens if token.type in ("fence", "code_block")]


def blocks(page, language):
    """The texts of a page's blocks in a language, in their order.

    A test module that names both claims these blocks: it must use each of them. Those that nobody
    claims fail `tests/ci/test_blocks.py`.
    """
    found = [block.text for block in blocks_of(page) if block.language == language]
    assert found, f"{page} has no block in {language or 'no language'}"
    return found


class Reader:
    """A person with a terminal in `folder`, who pastes what a page shows.

    `replaced` are the parts of a command that are different here, such as ports.
    """

    def __init__(self, folder, replaced, environment):
        self.folder = folder
        self._replaced = {".venv/bin/python": sys.executable, **replaced}
        self._environment = environment

    def paste(self, text, timeout_s=300):
        """Run a shell block; its output. A command that fails is an AssertionError."""
        script = f"set -eo pipefail\n{self.here(text)}"
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, env=self._environment, capture_output=True, text=True, timeout=timeout_s
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    def judge(self, text):
        """The output of commands that measure, each of which may find nothing on a busy machine.

        Their status is then 1 or 3; 2 would be a command line or a file that is wrong.
        """
        commands = text.replace("\\\n", " ").splitlines()
        lines = [line.partition(" #")[0] for line in commands]
        return "\n".join(self.paste(f"{line} || {{ status=$?; [ $status = 1 ] || [ $status = 3 ]; }}") for line in lines)

    @contextmanager
    def foreground(self, text):
        """The process of a shell block that ends by Ctrl-C, which it gets at the end."""
        process = subprocess.Popen(["bash", "-c", self.here(text)], cwd=self.folder, env=self._environment)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=40)

    def run(self, text):
        """Run a Python block."""
        # HF_HUB_OFFLINE would keep a client from the gateway, too
        environment = {name: value for name, value in self._environment.items() if name != "HF_HUB_OFFLINE"}
        command = [sys.executable, "-c", self.here(text)]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    def here(self, text):
        """The text with what is different here."""
        for there, here in self._replaced.items():
            text = text.replace(there, here)
        return text
