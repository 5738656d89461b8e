import contextlib
import gc
import os

import pytest
from starlette.testclient import TestClient

from gateway.app import create_app
from gateway.fakes.manifests import make_manifest
from gateway.fakes.triton import FakeTriton
from gateway.settings.settings import Settings
from model_repository.manifest import Manifest, Source
from model_repository.measured import Sizes


@pytest.fixture(autouse=True)
def no_settings_of_the_shell(monkeypatch):
    """The gateway's settings are the defaults, whatever the shell or `make` exports."""
    for name in [name for name in os.environ if name.startswith("HEADRACE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def manifest():
    """Makes manifests of packaged versions."""

    def make(**fields):
        return Manifest(
            **{
                "model": "tiny",
                "version": 1,
                "task": "text-classification",
                "labels": ("no", "yes"),
                "max_length": 16,
                "precision": "fp32",
                "target": "cpu",
                "digest": "sha256:" + "1" * 64,
                "source": Source(checkpoint="tiny", checkpoint_digest="sha256:0"),
                "sizes": Sizes(fp32_bytes=1, packaged_bytes=1),
                "tools": {},
            }
            | fields
        )

    return make


@contextlib.contextmanager
def apps_started():
    with contextlib.ExitStack() as apps:

        def start(triton=None, state=None, **settings):
            triton = triton or FakeTriton(make_manifest("topics", 1), make_manifest("topics", 2))
            app = create_app(Settings(**{"auth": "off", **settings}), triton=triton, state=state)
            client = apps.enter_context(TestClient(app, raise_server_exceptions=False))
            client.triton = triton
            return client

        yield start
    gc.unfreeze()  # a gateway freezes all objects at its start, and they would stay for all later tests


@pytest.fixture
def start_app():
    """Starts gateways in this process, on a fake Triton, and returns clients of them.

    `client.triton` is the fake; unless another is given, it serves two versions of `topics`.
    """
    with apps_started() as start:
        yield start


@pytest.fixture(scope="module")
def start_app_for_module():
    """The same for the tests of a module together."""
    with apps_started() as start:
        yield start
