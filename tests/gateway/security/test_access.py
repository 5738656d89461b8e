"""Who may do what, and how much: keys, scopes and quotas of gateways that share a fake state.

`tests/integration/tiny_topics/test_security.py` has the same doors before real processes and a
real Valkey.
"""

import contextlib
import hashlib
import io

import pytest
from gateway_process import wait_until

from gateway.fakes.state import FakeState
from gateway.security import command_line

REFRESH_S = 0.2


@pytest.fixture
def state():
    return FakeState()


@pytest.fixture
def keys(state):
    """`python -m gateway keys` on that state; gives what it printed."""

    def run(*arguments, code=0):
        # not `capsys`, whose file the gateways' logs would go to for ever
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            try:
                found = command_line.keys(list(arguments), lambda timeout_s: state, lambda: "the fake state")
            except SystemExit as exc:  # argparse refuses
                found = exc.code
        assert found == code
        return printed.getvalue().strip()

    return run


@pytest.fixture
def guarded(start_app, state):
    """Starts gateways that ask for keys of that state."""
    return lambda **settings: start_app(**{"auth": "keys", "state": state, "key_refresh_s": REFRESH_S, **settings})


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def predict(gateway, key, *texts):
    return gateway.post("/v1/models/topics:predict", json={"instances": list(texts), "version": 2}, headers=bearer(key))


def status(gateway, key):
    return predict(gateway, key, "corn exports rose").status_code


def call(gateway, key, method, path, **body):
    return gateway.request(method, path, headers=bearer(key), json=body or None)


def test_a_key_without_the_scope_may_not(guarded, keys):
    gateway = guarded()
    reader = keys("create", "acme", "--scope", "feedback")
    refused = predict(gateway, reader, "a")
    assert (refused.status_code, refused.json()) == (403, {"error": "this needs a key with the scope predict"})
    assert call(gateway, reader, "GET", "/v1/models").status_code == 200
    assert call(gateway, keys("create", "acme"), "GET", "/v1/admin/keys").status_code == 403


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
    wait_until(lambda: status(gateway, first) == 401)
    assert call(gateway, admin, "DELETE", f"/v1/admin/keys/{second['id']}").json()["state"] == "revoked"
    wait_until(lambda: status(gateway, second["api_key"]) == 401)
    listed = call(gateway, admin, "GET", "/v1/admin/keys")
    assert [(key["tenant"], key["state"]) for key in listed.json()["keys"]] == [("ops", "valid"), ("acme", "expired"), ("acme", "revoked")]
    assert first not in listed.text
    assert call(gateway, admin, "DELETE", "/v1/admin/keys/none").status_code == 404
    for body in ({"tenant": "a b"}, {"tenant": "a", "scopes": ["root"]}, {"tenant": "a", "hr_secret": 1}):
        refused = call(gateway, admin, "POST", "/v1/admin/keys", **body)
        assert (refused.status_code, "hr_secret" in refused.text) == (422, False)


def test_a_quota_counts_items_of_all_gateways_and_keys_of_a_tenant(guarded, keys):
    gateways = [guarded(), guarded()]
    admin = keys("create", "ops", "--scope", "admin")
    assert call(gateways[0], admin, "PUT", "/v1/admin/tenants/acme/limits", items_per_day=25).status_code == 200
    pair = [keys("create", "acme"), keys("create", "acme")]
    sent = [predict(gateways[i], pair[i], *["corn"] * 10) for i in (0, 1)]
    assert [answer.status_code for answer in sent] == [200, 200]
    assert sent[1].headers["x-ratelimit-remaining"] == "5"
    refused = predict(gateways[0], pair[1], *["corn"] * 10)
    assert (refused.status_code, "25 items a day" in refused.json()["error"]) == (429, True)
    assert predict(gateways[1], pair[0], *["corn"] * 5).status_code == 200
    assert predict(gateways[0], pair[0], "corn").status_code == 429
    more = predict(gateways[0], pair[0], *["corn"] * 26)
    assert (more.status_code, "26 items at once" in more.json()["error"]) == (422, True)


def test_a_tenants_limits_hold_for_its_keys_in_the_settings_too(guarded, keys):
    gateway = guarded(api_keys=f"acme:{hashlib.sha256(b's3cret').hexdigest()}")
    assert status(gateway, "s3cret") == 200
    admin = keys("create", "ops", "--scope", "admin")
    assert call(gateway, admin, "PUT", "/v1/admin/tenants/acme/limits", items_per_day=3).status_code == 200
    wait_until(lambda: predict(gateway, "s3cret", "corn").headers.get("x-ratelimit-limit") == "3")
    other = keys("create", "acme")
    assert [predict(gateway, key, "a", "b", "c").status_code for key in ("s3cret", other)] == [429, 429]


def test_lives_of_centuries_and_tenants_that_no_key_could_have_are_refused(guarded, keys):
    gateway = guarded()
    admin = keys("create", "ops", "--scope", "admin")
    for life in ("1e300", "1e400"):
        refused = gateway.post("/v1/admin/keys", headers=bearer(admin), content=f'{{"tenant": "acme", "expires_in_s": {life}}}')
        assert (refused.status_code, "expires_in_s" in refused.json()["error"]) == (422, True)
    assert call(gateway, admin, "PUT", "/v1/admin/tenants/a%20b/limits", items_per_day=3).status_code == 422
    keys("create", "acme", "--expires-in", "999999d", code=2)
    assert len(keys("list").splitlines()) == 2
