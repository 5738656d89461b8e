"""The newest releases of the clients that people have, each with its defaults, against one gateway.

`clients.toml` names them. Each runs in an environment of its own; what it gives is compared with
what transformers and sentence-transformers give, and the page of the docs is made from the results.
"""

import functools
import json
import os
import subprocess
import tomllib
from pathlib import Path

import pytest
from client_environments import ClientEnvironments
from client_page import render
from client_references import ClientReferences
from gateway_process import GatewayProcess, free_port

pytestmark = pytest.mark.integration
HERE = Path(__file__).parent
ROOT = HERE.parents[3]
PAGE = ROOT / "gateway/docs/clients.md"
CLIENTS = tomllib.loads((HERE / "clients.toml").read_text())
NAMES = [(language, name) for language in ("python", "node") for name in CLIENTS[language]]
UNRELATED = ("HEADRACE_", "HF_", "PYTHON", "VIRTUAL_ENV", "OPENAI_")


@pytest.fixture(scope="module")
def stack(tasks_triton, valkey, tasks_repository, tmp_path_factory):
    """What a client's script is told: where the gateway listens, and texts to ask about."""
    grpc_port = free_port()
    with GatewayProcess(
        log=tmp_path_factory.mktemp("clients") / "gateway.log",
        triton_url=tasks_triton.http_url,
        cache_url=valkey.url,
        grpc_port=grpc_port,
        model_aliases="text-embedding-ada-002=raw-embeddings",
        default_models="embed=raw-embeddings,rerank=ranker",
    ) as process:
        yield {"url": process.url, "grpc": f"127.0.0.1:{grpc_port}", "texts": tasks_repository.texts[:8]}


@pytest.fixture(scope="module")
def reports(stack):
    """Gives the reports of a client's calls; each client is run once."""
    environments = ClientEnvironments(ROOT / ".work/clients", CLIENTS["runtime"]["node"])
    return functools.cache(functools.partial(_run, environments, stack))


def _run(environments, stack, language, name):
    packages = CLIENTS[language][name]
    if language == "python":
        command, scripts, ending = environments.python(packages), HERE / "python", "py"
    else:
        (command, scripts), ending = environments.node(packages, HERE / "node"), "mjs"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(UNRELATED)}
    done = subprocess.run(
        [*command, str(scripts / f"{name}_calls.{ending}"), json.dumps(stack)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**environment, "HAYSTACK_TELEMETRY_ENABLED": "False", "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"call"')]


@pytest.fixture(scope="module")
def references(tasks_repository):
    return ClientReferences(tasks_repository)


def _fault(report, references):
    if "raised" in report:
        return report["raised"]
    try:
        references.check(report["gives"], report["of"], report["answer"])
    except AssertionError as error:
        return str(error)
    return None


@pytest.mark.parametrize(("language", "name"), NAMES, ids=["-".join(one) for one in NAMES])
def test_a_client_is_answered_as_by_its_original(reports, references, language, name):
    made = reports(language, name)
    wrong = [f"{report['call']}: {fault[:600]}" for report in made if (fault := _fault(report, references))]
    assert not wrong, "\n\n".join(wrong)
    assert made


def test_the_page_of_clients_tells_what_was_run(reports, request):
    page = render(CLIENTS, {(language, name): reports(language, name) for language, name in NAMES})
    if request.config.getoption("--write-page"):
        PAGE.write_text(page)
    assert PAGE.read_text() == page, "run the tests of this folder with --write-page"
