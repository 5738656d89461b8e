"""The examples of gateway/docs/dialects.md run as written, on tiny models in place of theirs."""

import json
import re
import subprocess

import httpx
import pytest
import requests
from huggingface_hub import configure_http_backend
from pages import ROOT, blocks

from gateway.settings.settings import Settings

pytestmark = pytest.mark.integration
PAGE = (ROOT / "gateway/docs/dialects.md").read_text()
MODELS = {"topics": "weather", "minilm": "raw-embeddings", "names": "entities", "themes": "zero-shot"}
COMMANDS = [line for block in blocks("gateway/docs/dialects.md", "bash") for line in block.splitlines()]
EXAMPLES = blocks("gateway/docs/dialects.md", "python")
[ALIASES] = blocks("gateway/docs/dialects.md", "sh")


def here(example, gateway):
    for named, served in MODELS.items():
        example = re.sub(rf"(?<=/models/){named}|(?<=\"model\": \"){named}|(?<=model=\"){named}", served, example)
    return example.replace("http://127.0.0.1:8080", gateway.url)


@pytest.mark.parametrize("command", COMMANDS, ids=range(len(COMMANDS)))
def test_the_commands_are_answered(tasks_gateway, command):
    done = subprocess.run(["bash", "-o", "pipefail", "-c", here(command, tasks_gateway)], capture_output=True, text=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, bool(answers)) == (0, True)
    assert not [answer for answer in answers if "error" in answer]


@pytest.mark.parametrize("block", EXAMPLES, ids=["openai", "hugging face"])
def test_the_python_examples_run(tasks_gateway, block):
    configure_http_backend(requests.Session)  # HF_HUB_OFFLINE would keep the client from the gateway, too
    try:
        exec(compile(here(block, tasks_gateway), "dialects.md", "exec"), {})  # noqa: S102 - our own page
    finally:
        configure_http_backend()


def test_the_aliases_are_aliases(monkeypatch):
    name, _, value = ALIASES.removeprefix("export ").strip().partition("=")
    monkeypatch.setenv(name, value)
    assert Settings.read().model_aliases == {"text-embedding-ada-002": "minilm", "sentence-transformers/all-MiniLM-L6-v2": "minilm"}


def test_every_path_of_the_table_exists(tasks_gateway):
    served = httpx.get(f"{tasks_gateway.url}/openapi.json").json()["paths"]
    table = PAGE[PAGE.index("| clients |") : PAGE.index("All take")]
    named = set(re.findall(r"(?:GET |POST )?(/[^`\s]*)`", table)) - {"/models/{model}", "/v2/rerank", "/v1/embed"}
    assert named
    assert named <= set(served)
