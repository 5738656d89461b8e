"""API keys, scopes, rate limits and quotas on real gateways that share one Valkey."""

import os
import re
import subprocess
import sys
import time

import httpx
import pytest
import redis
from gateway_process import ROOT, wait_until

from gateway.embedded.valkey import Valkey

pytestmark = pytest.mark.integration
REFRESH_S = 0.2


@pytest.fixture
def state():
    """A Valkey of the test's own."""
    with Valkey() as server:
        yield server


@pytest.fixture
def keys(state):
    """Runs `python -m gateway keys` on that state, and returns what it printed."""

    def run(*arguments, code=0):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
        environment["HEADRACE_STATE_URL"] = state.url
        command = [sys.executable, "-m", "gateway", "keys", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        return done.stdout.strip()

    return run


@pytest.fixture
def guarded(start_gateway, triton, state, valkey):
    """Starts gateways that require keys of that state."""

    def start(*arguments, **settings):
        common = {"auth": "keys", "state_url": state.url, "cache_url": valkey.url, "key_refresh_s": REFRESH_S}
        return start_gateway(*arguments, triton_url=triton.http_url, **{**common, **settings})

    return start


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def status(gateway, key):
    return gateway.predict("corn exports rose", version=2, headers=bearer(key)).status_code


def call(gateway, key, method, path, **body):
    return httpx.request(method, gateway.url + path, headers=bearer(key), json=body or None)


def id_of(keys, tenant):
    [row] = [line.split() for line in keys("list").splitlines() if line.split()[1] == tenant]
    return row[0]


def test_a_key_made_on_the_command_line_is_accepted_and_a_revoked_one_is_not(guarded, keys):
    gateway = guarded()
    key = keys("create", "acme")
    assert key.startswith("hr_")
    assert (status(gateway, key), status(gateway, key[:-1] + "_"), status(gateway, "hr_no")) == (200, 401, 401)
    assert gateway.predict("a").headers["www-authenticate"] == "Bearer"
    keys("revoke", id_of(keys, "acme"))
    wait_until(lambda: status(gateway, key) == 401)
    assert key not in gateway.log.read_text()
    assert keys("list").splitlines()[1].split()[1:4] == ["acme", "feedback,predict", "revoked"]


def test_standard_output_holds_nothing_but_the_new_key_whatever_is_logged(keys, state):
    with redis.Redis.from_url(state.url) as client:
        client.hset("headrace:keys", "00", "no record")
    keys("create", "acme")
    assert re.fullmatch(r"hr_[\w-]{43}", keys("rotate", id_of(keys, "acme")))


def test_an_expired_key_is_refused(guarded, keys):
    gateway = guarded()
    key = keys("create", "acme", "--expires-in", "2s")
    assert status(gateway, key) == 200
    wait_until(lambda: status(gateway, key) == 401)


def test_two_gateways_share_a_rate_limit(guarded, keys):
    gateways = [guarded(), guarded()]
    key = keys("create", "acme", "--limits", "requests_per_s=2,requests_burst=20")
    begun = time.monotonic()
    answers = [gateways[i % 2].predict("corn", version=2, headers=bearer(key)) for i in range(60)]
    passed = sum(answer.status_code == 200 for answer in answers)
    most = 20 + 2 * (time.monotonic() - begun)
    # a gateway may hold 2 requests of the rate that it does not spend
    assert 20 - 2 <= passed <= most
    shed = next(answer for answer in answers if answer.status_code == 429)
    assert (shed.headers["x-ratelimit-limit"], shed.headers["x-ratelimit-remaining"]) == ("20", "0")
    assert int(shed.headers["retry-after"]) >= 1
    assert int(shed.headers["x-ratelimit-reset"]) <= 10
    assert shed.json()["error"].startswith("the limit of 2 requests/s is reached; try again in ")
    wait_until(lambda: status(gateways[0], key) == 200)


def test_without_state_known_keys_work_unknown_ones_do_not_and_rate_limits_are_counted_locally(guarded, keys, state):
    gateway = guarded(key_outage_s=4)
    known, unknown = keys("create", "acme", "--limits", "requests_per_s=2,requests_burst=4"), keys("create", "acme")
    assert status(gateway, known) == 200
    state.stop()
    answers = [gateway.predict("corn", version=2, headers=bearer(known)).status_code for _ in range(12)]
    assert {*answers} == {200, 429}
    assert answers.count(200) <= 8
    [counted] = re.findall(r"^headrace_rate_limits_local_total (\S+)$", httpx.get(f"{gateway.url}/metrics").text, re.MULTILINE)
    assert float(counted) >= 1
    refused = gateway.predict("corn", headers=bearer(unknown))
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    assert httpx.get(f"{gateway.url}/readyz").json()["checks"]["state"] == "does not answer"
    # known keys work for a limited time only
    wait_until(lambda: status(gateway, known) == 503)


def test_all_workers_know_the_same_keys(guarded, keys):
    gateway = guarded("--workers", "2")
    key = keys("create", "acme")
    assert {status(gateway, key) for _ in range(20)} == {200}
    keys("revoke", id_of(keys, "acme"))
    wait_until(lambda: {status(gateway, key) for _ in range(20)} == {401})


def test_administration_is_refused_while_authentication_is_off_and_the_error_says_why(gateway):
    refused = httpx.get(f"{gateway.url}/v1/admin/keys")
    assert (refused.status_code, "HEADRACE_AUTH=keys" in refused.json()["error"]) == (403, True)
    assert httpx.get(f"{gateway.url}/readyz").json()["checks"]["auth"] == "off: everyone may ask"
    assert "authentication is off" in gateway.log.read_text()


def test_a_gateway_that_would_accept_no_caller_does_not_start():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    done = subprocess.run([sys.executable, "-m", "gateway"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("HEADRACE_AUTH asks for API keys and there can be none: set HEADRACE_STATE_URL")
