"""The fenced blocks of a Markdown page, which the tests run as a reader would."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page, language=None):
    """The texts of a page's blocks, in their order; `language` keeps those of one."""
    return [text for named, text in _BLOCK.findall((ROOT / page).read_text()) if language in (None, named)]


class Reader:
    """A person with a terminal in `folder`, who pastes what a page shows.

    `replaced` are the parts of a command that are different here, such as ports.
    """

    def __init__(self, folder, replaced, environment):
        self._folder = folder
        self._replaced = {".venv/bin/python": sys.executable, **replaced}
        self._environment = environment

    def paste(self, text, timeout_s=300):
        """Run a shell block; its output. A command that fails is an AssertionError."""
        script = f"set -eo pipefail\n{self.here(text)}"
        done = subprocess.run(
            ["bash", "-c", script], cwd=self._folder, env=self._environment, capture_output=True, text=True, timeout=timeout_s
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    def run(self, text):
        """Run a Python block."""
        # HF_HUB_OFFLINE would keep a client from the gateway, too
        environment = {name: value for name, value in self._environment.items() if name != "HF_HUB_OFFLINE"}
        command = [sys.executable, "-c", self.here(text)]
        done = subprocess.run(command, cwd=self._folder, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    def here(self, text):
        """The text with what is different here."""
        for there, here in self._replaced.items():
            text = text.replace(there, here)
        return text
