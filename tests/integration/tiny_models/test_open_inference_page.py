"""The examples of gateway/docs/open-inference-protocol.md, on a tiny classifier."""

import json
import os
import re

import pytest
from pages import Reader, blocks

pytestmark = pytest.mark.integration
[CLIENT] = blocks("gateway/docs/open-inference-protocol.md", "python")
CURL, _PERF_ANALYZER = blocks("gateway/docs/open-inference-protocol.md", "sh")
[SHOWN] = blocks("gateway/docs/open-inference-protocol.md", "json")


@pytest.fixture(scope="module")
def reader(grpc_gateway, tmp_path_factory):
    here = {
        "localhost:8081": grpc_gateway.grpc_url,
        "localhost:8080": grpc_gateway.url.removeprefix("http://"),
        '"topics"': '"weather"',
        "/topics/": "/weather/",
    }
    return Reader(tmp_path_factory.mktemp("page"), here, dict(os.environ))


def test_the_client_is_answered(reader):
    reader.run(CLIENT)


def form(value):
    """An answer without its numbers and names: the same for equal requests of any classifier."""
    if isinstance(value, dict):
        return {key: form(one) for key, one in value.items() if key not in ("model_name", "model_version")}
    if isinstance(value, list):
        return [form(one) for one in value]
    return re.sub(r"\d+", "0", value) if isinstance(value, str) else value


def test_the_request_is_answered_in_the_form_that_is_shown(reader):
    answer = json.loads(reader.paste(CURL))
    assert form(answer) == form(json.loads(SHOWN))
    assert answer.keys() == json.loads(SHOWN).keys()
