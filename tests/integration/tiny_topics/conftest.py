"""A tiny classifier with the name and the versions of the demo's, which starts and answers fast."""

import pytest

from model_repository.server import TritonServer


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    import tasks_repository  # it imports torch and transformers, so only on demand

    return tasks_repository.make_topics(tmp_path_factory.mktemp("tiny-topics"))


@pytest.fixture(scope="session")
def triton(repository):
    with TritonServer.start(repository, grace_s=0) as server:
        yield server
