"""The commands of gateway/docs/production.md, on a real Triton and a real Valkey."""

import contextlib
import os

import httpx
import pytest
from gateway_process import free_port, wait_until
from pages import Reader, blocks

pytestmark = pytest.mark.integration
SERVE, KEYS = blocks("gateway/docs/production.md", "sh")


@pytest.fixture(scope="module")
def port():
    return free_port()


@pytest.fixture(scope="module")
def reader(tasks_triton, valkey, port, tmp_path_factory):
    """One worker in place of four, on a loopback address."""
    here = {
        "triton:8000": tasks_triton.http_url,
        "redis://cache:6379/0": valkey.url,
        "redis://127.0.0.1:6379/0": valkey.url,
        "HEADRACE_HOST=0.0.0.0": f"HEADRACE_HOST=127.0.0.1 HEADRACE_PORT={port}",
        "--workers 4": "--workers 1",
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    return Reader(tmp_path_factory.mktemp("page"), here, environment)


def test_a_key_is_made_and_the_gateway_serves_who_has_it(reader, port):
    *_, key, header, row = reader.paste(KEYS).splitlines()
    assert key.startswith("hr_")
    assert header.split()[:2] == ["ID", "TENANT"]
    assert {"acme", "requests_per_s=50"} <= set(row.replace(",", " ").split())
    state = reader.here(KEYS).splitlines()[0]
    with serving(reader, f"{state}\nexec env {SERVE}", port) as url:
        body = {"instances": ["rain"]}
        assert httpx.post(f"{url}/v1/models/weather:predict", json=body).status_code == 401
        answer = httpx.post(f"{url}/v1/models/weather:predict", json=body, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 200, answer.text


@contextlib.contextmanager
def serving(reader, text, port):
    """The URL of the server that the pasted text leaves in the foreground."""
    url = f"http://127.0.0.1:{port}"

    def ready():
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{url}/readyz").status_code == 200
        return process.poll() is not None

    with reader.foreground(text) as process:
        wait_until(ready)
        assert process.poll() is None
        yield url
