"""Shadows on a real stack: what they show, and that nobody who is answered notices."""

import itertools

import httpx
import pytest
from gateway_process import GatewayProcess, wait_until

from gateway.embedded.valkey import Valkey

pytestmark = pytest.mark.integration
UNITS = itertools.count()


@pytest.fixture(scope="module")
def gateway(triton, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shadows")
    with Valkey(folder / "state") as state, Valkey(folder / "cache") as cache:
        settings = {"triton_url": triton.http_url, "state_url": state.url, "cache_url": cache.url, "state_timeout_ms": 5000}
        with GatewayProcess(log=folder / "gateway.log", **settings) as running:
            yield running


@pytest.fixture
def shadow(gateway):
    """Starts an experiment in which a version shadows; its address."""
    started = []

    def start(key, version):
        url = f"{gateway.url}/v1/experiments/{key}"
        variants = [
            {"name": "current", "model": "topics", "version": 1, "weight": 1},
            {"name": "candidate", "model": "topics", "version": version, "weight": 0, "shadow": True},
        ]
        assert httpx.put(url, json={"key": key, "variants": variants}).status_code == 201
        assert httpx.post(f"{url}:start").status_code == 200
        started.append(url)
        return url

    yield start
    for url in started:
        httpx.post(f"{url}:stop")


def ask(gateway, text, **body):
    answer = httpx.post(gateway.predict_url, json={"instances": [text], **body}, headers={"X-Unit-ID": f"unit{next(UNITS)}"})
    assert answer.status_code == 200
    return answer


def requests_of(url):
    shadows = httpx.get(f"{url}/shadows").json()["shadows"]
    return shadows[0]["requests"] if shadows else {"compared": 0, "dropped": 0, "failed": 0}


def test_a_shadow_shows_how_it_differs_and_warms_its_cache(gateway, shadow):
    url = shadow("candidate", 2)
    texts = [f"corn and wheat {i}" for i in range(40)]
    assert {ask(gateway, text).headers["x-model-version"] for text in texts} == {"1"}
    wait_until(lambda: sum(requests_of(url).values()) == 40)
    assert requests_of(url)["failed"] == 0
    [found] = httpx.get(f"{url}/shadows").json()["shadows"]
    assert found["by_traffic"]["items"] == found["by_distinct_text"]["items"] == found["requests"]["compared"] > 20
    assert 0 <= found["by_traffic"]["flips"] <= 1
    assert found["noise"]["flips"] in (0, None)  # fp32 answers are the same again
    assert found["latency_ms"]["after"] > 0
    warm = [ask(gateway, text, version=2).headers["x-cache"] for text in texts]
    assert warm.count("hit") >= found["requests"]["compared"]


def test_a_shadow_that_is_not_there_fails_and_nobody_else_does(gateway, shadow):
    url = shadow("missing", 7)
    for i in range(10):
        assert ask(gateway, f"crude oil {i}").headers["x-model-version"] == "1"
    wait_until(lambda: requests_of(url)["failed"] == 10)
    assert 'headrace_shadowed_requests_total{model="topics",result="failed",version="7"} 10.0' in gateway.metrics_page()
