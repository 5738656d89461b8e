import os

import pytest

from model_repository.manifest import Manifest, Sizes, Source


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
