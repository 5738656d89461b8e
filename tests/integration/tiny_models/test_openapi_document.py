"""A running gateway answers as its OpenAPI document says.

Schemathesis sends requests that the document allows, and requests that it does not allow.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.integration
KEY = "s3cret"
CASES_EACH = 10
CONFIGURATION = """
[generation]
# it takes a number in a header for invalid once a header stands beside it that the document does not name
allow-extra-parameters = false

[phases.stateful]
# answers hold nothing that leads to another request
enabled = false

[checks.not_a_server_error]
# a request may allow less time than any answer takes
expected-statuses = ["2xx", "3xx", "4xx", 504]

[checks.positive_data_acceptance]
# what the schema allows may be more than the model can do: it has another task, or not that dimension;
# If-Match may hold anything, and must hold something where an experiment is changed
expected-statuses = ["2xx", 401, 403, 404, 409, 412, 422, 428, 429, "5xx"]

[[operations]]
include-path = ["/v2/models/{model}/infer", "/v2/models/{model}/versions/{version}/infer", "/v2/models/{model}/generate"]
# Inference-Header-Content-Length says where in the body its JSON ends, which no schema can bind to the body
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 404, 409, 422, 429, "5xx"]

[[operations]]
include-path = ["/v1/embeddings", "/openai/deployments/{model}/embeddings", "/v1/rerank", "/v2/embed"]
# OpenAI and Cohere answer with 400 what is 422 elsewhere
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 404, 409, 422, 429, "5xx"]

[[operations]]
include-path = ["/vertex", "/models/{model}/vertex"]
# more instances than are allowed may also be more JSON than is read
checks.negative_data_rejection.expected-statuses = [400, 401, 403, 404, 413, 422, 429, "5xx"]

[[operations]]
include-path = "/v1/models/{model}:predictStream"
# the error of a line is on its line of the response, whose status is 200
checks.negative_data_rejection.enabled = false
"""


@pytest.fixture
def gateway(start_gateway, tasks_triton, valkey, redis_url):
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    return start_gateway(
        triton_url=tasks_triton.http_url,
        cache_url=valkey.url,
        state_url=redis_url,
        auth="keys",
        state_may_lose_writes=True,
        api_keys=f"acme:{digest}:admin+predict+experiments",
        default_models="embed=embeddings,predict=weather,root=weather",
    )


def test_schemathesis_finds_nothing(gateway, tmp_path):
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(CONFIGURATION)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", configuration, "run", f"{gateway.url}/openapi.json"]
    command += ["--header", f"Authorization: Bearer {KEY}", "--max-examples", str(CASES_EACH), "--seed", "1", "--continue-on-failure"]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(Path(__file__).parents[2] / "support")}
    done = subprocess.run([*map(str, command)], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert gateway.process.poll() is None
    assert "internal error" not in gateway.log.read_text()
    document = httpx.get(f"{gateway.url}/openapi.json").json()
    operations = sum(len(methods) for methods in document["paths"].values())
    assert f"{operations} selected / {operations} total" in done.stdout
