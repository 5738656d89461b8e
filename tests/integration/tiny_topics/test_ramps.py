"""Ramps on a real stack: two gateways, real models, units with outcomes."""

import itertools
import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from gateway_process import GatewayProcess, wait_until
from triton_proxy import TritonProxy

from gateway.embedded.valkey import Valkey

pytestmark = pytest.mark.integration
VARIANTS = [
    {"name": "current", "model": "topics", "version": 1, "weight": 0.5},
    {"name": "new", "model": "topics", "version": 2, "weight": 0.5},
]
SLOW = {
    "name": "slow",
    "kind": "share-over-threshold",
    "source": "request",
    "threshold": 0.3,
    "direction": "decrease",
    "goal": False,
    "margin": 0.3,
}
WRONG = {"name": "wrong", "kind": "binary", "direction": "decrease", "goal": False, "margin": 0.3}
STEPS = [{"coverage": 0.5, "minimum_units": 40}, {"coverage": 1}]
UNITS = itertools.count()


@pytest.fixture(scope="module")
def new_version(triton):
    """What stands before the new version: it can be made to fail, or slow."""
    with TritonProxy(triton.http_url, 2) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def gateways(new_version, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ramps")
    with Valkey(folder / "state") as state:
        settings = {"triton_url": new_version.url, "state_url": state.url, "state_timeout_ms": 5000}
        with (
            GatewayProcess(log=folder / "one.log", **settings) as one,
            GatewayProcess(log=folder / "two.log", **settings) as two,
        ):
            yield one, two


@pytest.fixture
def ramp():
    """Starts a ramp by a gateway, which stops it at the end."""
    started = []

    def start(gateway, key, metrics=(WRONG,)):
        url = f"{gateway.url}/v1/experiments/{key}"
        definition = {"key": key, "variants": VARIANTS, "metrics": list(metrics), "ramp": {"steps": STEPS}}
        assert httpx.put(url, json=definition).status_code == 201
        assert httpx.post(f"{url}:start").status_code == 200
        started.append(url)
        return url

    yield start
    for url in started:
        httpx.post(f"{url}:stop")


def leads(gateway):
    return re.search(r"^headrace_leads_experiments (\S+)$", gateway.metrics_page(), re.MULTILINE)[1] == "1.0"


def state_of(url):
    return httpx.get(url).json()["ramp_state"]


def play(gateway, units, wrong_of=(), statuses=(200,)):
    """So many new units ask; the answers of the variants in `wrong_of` are wrong."""

    def ask(unit):
        answer = httpx.post(gateway.predict_url, json={"instances": [f"corn and wheat {unit}"]}, headers={"X-Unit-ID": unit})
        assert answer.status_code in statuses
        return answer.headers.get("x-variant")

    asked = [f"unit{next(UNITS)}" for _ in range(units)]
    with ThreadPoolExecutor(4) as pool:
        variants = list(pool.map(ask, asked))
    wrong = [unit for unit, variant in zip(asked, variants, strict=True) if variant in wrong_of]
    outcomes = [{"unit": unit, "metric": "wrong", "value": 1, "key": unit} for unit in wrong]
    if outcomes:
        assert httpx.post(f"{gateway.url}/v1/outcomes", json={"outcomes": outcomes}).json()["stored"] == len(outcomes)


def test_a_version_whose_answers_are_wrong_is_rolled_back_by_itself(gateways, ramp):
    url = ramp(gateways[1], "wrong")

    def rolled_back():
        play(gateways[1], 20, {"new"})
        return state_of(url)["phase"] == "rolled back"

    wait_until(rolled_back)
    assert state_of(url)["coverage"] == 0
    assert state_of(url)["reason"].startswith("wrong: new is harmful: ")
    [event] = [event for event in httpx.get(f"{url}/events").json()["events"] if event["by"] == "ramp"]
    assert event["action"] == "ramp rolled back"

    def nobody_takes_part():
        unit = {"X-Unit-ID": f"unit{next(UNITS)}"}
        answers = [httpx.post(one.predict_url, json={"instances": ["corn"]}, headers=unit) for one in gateways for _ in range(10)]
        return all("x-variant" not in answer.headers for answer in answers)

    wait_until(nobody_takes_part)


def test_a_version_that_errs_is_rolled_back_by_itself(gateways, new_version, ramp):
    url = ramp(gateways[1], "errs", metrics=[])
    new_version.fails = True

    def rolled_back():
        play(gateways[1], 20, statuses=(200, 500, 502, 503))
        return state_of(url)["phase"] == "rolled back"

    try:
        wait_until(rolled_back)
    finally:
        new_version.fails = False
    assert state_of(url)["reason"].startswith("units_with_errors: new is harmful: ")


def test_a_version_that_is_slow_is_rolled_back_by_its_guardrail(gateways, new_version, ramp):
    url = ramp(gateways[1], "slow", metrics=[SLOW])
    new_version.delay_s = 0.4

    def rolled_back():
        play(gateways[1], 20)
        return state_of(url)["phase"] == "rolled back"

    try:
        wait_until(rolled_back)
    finally:
        new_version.delay_s = 0.0
    assert state_of(url)["reason"].startswith("slow: new is harmful: ")


def test_a_good_version_reaches_everyone_though_the_leader_is_killed_on_the_way(gateways, ramp):
    wait_until(lambda: any(map(leads, gateways)))
    leading, following = gateways if leads(gateways[0]) else reversed(gateways)
    assert not leads(following)
    url = ramp(following, "good")
    leading.process.kill()

    def done():
        play(following, 20, {})
        return state_of(url)["phase"] == "done"

    wait_until(done)
    assert state_of(url)["coverage"] == 1
    assert leads(following)
    assert [event["action"] for event in httpx.get(f"{url}/events").json()["events"]] == ["create", "start", "ramp step", "ramp done"]
