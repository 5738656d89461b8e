import pytest

from gateway.embedded.valkey import Valkey


@pytest.fixture(scope="module")
def valkey():
    with Valkey() as server:
        yield server
