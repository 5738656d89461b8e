"""Keys, scopes, rates and quotas on real gateways that share one Valkey."""

import hashlib
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
    """`python -m gateway keys` on that state; gives what it printed."""

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
    """Starts gateways that ask for keys of that state."""

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


def test_a_key_made_on_the_command_line_opens_the_door_and_a_revoked_one_does_not(guarded, keys):
    gateway = guarded()
    key = keys("create", "acme")
    assert key.startswith("hr_")
    assert (status(gateway, key), status(gateway, key[:-1] + "_"), status(gateway, "hr_no")) == (200, 401, 401)
    assert gateway.predict("a").headers["www-authenticate"] == "Bearer"
    keys("revoke", id_of(keys, "acme"))
    wait_until(lambda: status(gateway, key) == 401, timeout_s=5)
    assert key not in gateway.log.read_text()
    assert keys("list").splitlines()[1].split()[1:4] == ["acme", "feedback,predict", "revoked"]


def test_a_new_key_is_all_that_standard_output_holds_whatever_there_is_to_be_logged(keys, state):
    with redis.Redis.from_url(state.url) as client:
        client.hset("headrace:keys", "00", "no record")
    keys("create", "acme")
    assert re.fullmatch(r"hr_[\w-]{43}", keys("rotate", id_of(keys, "acme")))


def test_a_key_without_the_scope_may_not(guarded, keys):
    gateway = guarded()
    reader = keys("create", "acme", "--scope", "feedback")
    refused = gateway.predict("a", headers=bearer(reader))
    assert (refused.status_code, refused.json()) == (403, {"error": "this needs a key with the scope predict"})
    assert call(gateway, reader, "GET", "/v1/models").status_code == 200
    assert call(gateway, keys("create", "acme"), "GET", "/v1/admin/keys").status_code == 403


def test_an_expired_key_is_not_let_in(guarded, keys):
    gateway = guarded()
    key = keys("create", "acme", "--expires-in", "2s")
    assert status(gateway, key) == 200
    wait_until(lambda: status(gateway, key) == 401, timeout_s=5)


def test_administrators_make_list_rotate_and_revoke_keys(guarded, keys):
    gateway = guarded()
    admin = keys("create", "ops", "--scope", "admin")
    made = call(gateway, admin, "POST", "/v1/admin/keys", tenant="acme", scopes=["predict"], limits={"requests_per_s": 100})
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    first, first_id = made.json()["api_key"], made.json()["id"]
    assert status(gateway, first) == 200
    second = call(gateway, admin, "POST", f"/v1/admin/keys/{first_id}/rotate", grace_s=2).json()
    assert (second["tenant"], second["scopes"], second["limits"]) == ("acme", ["predict"], {"requests_per_s": 100.0})
    assert (status(gateway, first), status(gateway, second["api_key"])) == (200, 200)
    wait_until(lambda: status(gateway, first) == 401, timeout_s=5)
    assert call(gateway, admin, "DELETE", f"/v1/admin/keys/{second['id']}").json()["state"] == "revoked"
    wait_until(lambda: status(gateway, second["api_key"]) == 401, timeout_s=5)
    listed = call(gateway, admin, "GET", "/v1/admin/keys")
    assert [(key["tenant"], key["state"]) for key in listed.json()["keys"]] == [("ops", "valid"), ("acme", "expired"), ("acme", "revoked")]
    assert first not in listed.text
    assert call(gateway, admin, "DELETE", "/v1/admin/keys/none").status_code == 404
    for body in ({"tenant": "a b"}, {"tenant": "a", "scopes": ["root"]}, {"tenant": "a", "hr_secret": 1}):
        refused = call(gateway, admin, "POST", "/v1/admin/keys", **body)
        assert (refused.status_code, "hr_secret" in refused.text) == (422, False)


def test_two_gateways_share_a_rate(guarded, keys):
    gateways = [guarded(), guarded()]
    key = keys("create", "acme", "--limits", "requests_per_s=5,requests_burst=20")
    begun = time.monotonic()
    answers = [gateways[i % 2].predict("corn", version=2, headers=bearer(key)) for i in range(60)]
    passed = sum(answer.status_code == 200 for answer in answers)
    most = 20 + 5 * (time.monotonic() - begun)
    # a gateway may hold a lease of 2 that it does not spend
    assert 20 - 2 <= passed <= most
    shed = next(answer for answer in answers if answer.status_code == 429)
    assert (shed.headers["x-ratelimit-limit"], shed.headers["x-ratelimit-remaining"]) == ("20", "0")
    assert int(shed.headers["retry-after"]) >= 1
    assert int(shed.headers["x-ratelimit-reset"]) <= 4
    assert shed.json()["error"].startswith("the limit of 5 requests/s is reached; try again in ")
    wait_until(lambda: status(gateways[0], key) == 200, timeout_s=5)


def test_a_quota_counts_items_of_all_gateways_and_keys_of_a_tenant(guarded, keys):
    gateways = [guarded(), guarded()]
    admin = keys("create", "ops", "--scope", "admin")
    assert call(gateways[0], admin, "PUT", "/v1/admin/tenants/acme/limits", items_per_day=25).status_code == 200
    pair = [keys("create", "acme"), keys("create", "acme")]
    sent = [gateways[i].predict(*["corn"] * 10, version=2, headers=bearer(pair[i])) for i in (0, 1)]
    assert [answer.status_code for answer in sent] == [200, 200]
    assert sent[1].headers["x-ratelimit-remaining"] == "5"
    refused = gateways[0].predict(*["corn"] * 10, version=2, headers=bearer(pair[1]))
    assert (refused.status_code, "25 items a day" in refused.json()["error"]) == (429, True)
    assert gateways[1].predict(*["corn"] * 5, version=2, headers=bearer(pair[0])).status_code == 200
    assert gateways[0].predict("corn", version=2, headers=bearer(pair[0])).status_code == 429
    more = gateways[0].predict(*["corn"] * 26, version=2, headers=bearer(pair[0]))
    assert (more.status_code, "26 items at once" in more.json()["error"]) == (422, True)


def test_a_tenants_limits_hold_for_its_keys_in_the_settings_too(guarded, keys):
    gateway = guarded(api_keys=f"acme:{hashlib.sha256(b's3cret').hexdigest()}")
    assert status(gateway, "s3cret") == 200
    admin = keys("create", "ops", "--scope", "admin")
    assert call(gateway, admin, "PUT", "/v1/admin/tenants/acme/limits", items_per_day=3).status_code == 200
    wait_until(lambda: gateway.predict("corn", version=2, headers=bearer("s3cret")).headers.get("x-ratelimit-limit") == "3")
    other = keys("create", "acme")
    assert [gateway.predict("a", "b", "c", version=2, headers=bearer(key)).status_code for key in ("s3cret", other)] == [429, 429]


def test_lives_of_centuries_and_tenants_that_no_key_could_have_are_refused(guarded, keys):
    gateway = guarded()
    admin = keys("create", "ops", "--scope", "admin")
    for life in ("1e300", "1e400"):
        refused = httpx.post(f"{gateway.url}/v1/admin/keys", headers=bearer(admin), content=f'{{"tenant": "acme", "expires_in_s": {life}}}')
        assert (refused.status_code, "expires_in_s" in refused.json()["error"]) == (422, True)
    assert call(gateway, admin, "PUT", "/v1/admin/tenants/a%20b/limits", items_per_day=3).status_code == 422
    keys("create", "acme", "--expires-in", "999999d", code=2)
    assert len(keys("list").splitlines()) == 2


def test_without_state_known_keys_go_on_unknown_ones_wait_and_limits_are_counted_here(guarded, keys, state):
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
    # for a stated time only
    wait_until(lambda: status(gateway, known) == 503, timeout_s=15)


def test_several_workers_know_the_same_keys(guarded, keys):
    gateway = guarded("--workers", "2")
    key = keys("create", "acme")
    assert {status(gateway, key) for _ in range(20)} == {200}
    keys("revoke", id_of(keys, "acme"))
    wait_until(lambda: {status(gateway, key) for _ in range(20)} == {401}, timeout_s=10)


def test_nobody_administers_while_authentication_is_off_and_it_is_said(gateway):
    refused = httpx.get(f"{gateway.url}/v1/admin/keys")
    assert (refused.status_code, "HEADRACE_AUTH=keys" in refused.json()["error"]) == (403, True)
    assert httpx.get(f"{gateway.url}/readyz").json()["checks"]["auth"] == "off: everyone may ask"
    assert "authentication is off" in gateway.log.read_text()


def test_a_gateway_that_nobody_could_enter_does_not_start():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    done = subprocess.run([sys.executable, "-m", "gateway"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("HEADRACE_AUTH asks for API keys and there can be none: set HEADRACE_STATE_URL")
