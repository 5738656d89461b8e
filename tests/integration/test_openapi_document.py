"""A running gateway answers as its OpenAPI document says, whatever is asked: what the document allows, and what it does not."""

import hashlib
import subprocess
import sys

import httpx
import pytest

pytestmark = pytest.mark.integration
KEY = "s3cret"
CASES_EACH = 40
CONFIGURATION = """
[generation]
# it takes a number in a header for invalid once a header stands beside it that the document does not name
allow-extra-parameters = false

[checks.not_a_server_error]
# a request may allow less time than any answer takes
expected-statuses = ["2xx", "3xx", "4xx", 504]
"""


@pytest.fixture
def gateway(start_gateway, triton, valkey):
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    return start_gateway(triton_url=triton.http_url, cache_url=valkey.url, api_keys=f"acme:{digest}")


def test_schemathesis_finds_nothing(gateway, tmp_path):
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(CONFIGURATION)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", configuration, "run", f"{gateway.url}/openapi.json"]
    command += ["--header", f"Authorization: Bearer {KEY}", "--max-examples", str(CASES_EACH), "--seed", "1", "--continue-on-failure"]
    done = subprocess.run([*map(str, command)], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert gateway.process.poll() is None
    assert "internal error" not in gateway.log.read_text()
    document = httpx.get(f"{gateway.url}/openapi.json").json()
    operations = sum(len(methods) for methods in document["paths"].values())
    assert f"{operations} selected / {operations} total" in done.stdout
