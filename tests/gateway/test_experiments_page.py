"""The pages of experiments, through the whole application on fakes."""

import hashlib
import re

import pytest

from gateway.fakes.state import FakeState
from gateway.security.sessions import COOKIE

OWN = {"Origin": "http://testserver"}
FORM = {
    "key": "lora",
    "model": "topics",
    "control": "1",
    "treatment": "2",
    "share": "50",
    "coverage": "100",
    "goal": "click",
    "kind": "binary",
    "direction": "increase",
    "planned_units": "1000",
    "description": "<b>bold</b>",
}


@pytest.fixture
def client(start_app):
    return start_app(state=FakeState())


@pytest.fixture
def guarded(start_app):
    keys = {"hr_owner": ("acme", "experiments"), "hr_reader": ("acme", "predict")}
    listed = ",".join(f"{tenant}:{hashlib.sha256(key.encode()).hexdigest()}:{scope}" for key, (tenant, scope) in keys.items())
    return start_app(state=FakeState(), auth="keys", api_keys=listed)


def post(client, path, **form):
    return client.post(f"/experiments{path}", data=form, headers=OWN, follow_redirects=False)


def etag(answer):
    return re.search('name="etag" value="([^"]*)"', answer.text)[1].replace("&#34;", '"')


def act(client, name, **form):
    return post(client, f"/lora/{name}", etag=etag(client.get(f"/experiments/lora/{name}")), **form)


def alert(answer):
    return answer.status_code, re.search('role="alert">([^<]*)', answer.text)[1]


def test_an_experiment_is_made_started_looked_at_stopped_and_promoted(client):
    assert "There are no experiments yet" in client.get("/experiments").text
    assert post(client, "/-/new", **FORM).headers["location"] == "/experiments/lora"
    assert act(client, "start").headers["location"] == "/experiments/lora"
    for i in range(30):
        client.post("/v1/models/topics:predict", json={"instances": ["corn"]}, headers={"X-Unit-ID": f"u{i}"})
    outcomes = [{"unit": "u0", "metric": "click", "value": 1, "key": "one"}]
    assert client.post("/v1/outcomes", json={"outcomes": outcomes}).json()["stored"] == 1
    shown = client.get("/experiments/lora").text
    assert "fits the weights" in shown
    assert "30 of 1,000 planned units" in shown
    assert "&lt;b&gt;bold&lt;/b&gt;" in shown
    assert "not known well enough" in client.get("/experiments").text or "nothing is known yet" in client.get("/experiments").text
    assert act(client, "pause").status_code == 303
    assert "Resume" in client.get("/experiments/lora").text
    assert act(client, "stop").status_code == 303
    assert act(client, "promote", variant="treatment").status_code == 303
    assert "Version 2 (treatment) is promoted" in client.get("/experiments/lora").text
    assert client.get("/v1/models/topics").json()["default_version"] == 2
    events = client.get("/v1/experiments/lora/events").json()["events"]
    assert [event["action"] for event in events] == ["create", "start", "pause", "stop", "promote"]
    assert act(client, "rollback").status_code == 303
    assert act(client, "delete").headers["location"] == "/experiments"
    assert client.get("/experiments/lora").status_code == 404


def test_a_definition_is_changed_as_json_unless_somebody_was_faster(client):
    post(client, "/-/new", **FORM)
    page = client.get("/experiments/lora/edit")
    text = (
        re.search("<textarea[^>]*>(.*?)</textarea>", page.text, re.DOTALL)[1]
        .replace("&#34;", '"')
        .replace("&lt;", "<")
        .replace("&gt;", ">")
    )
    changed = text.replace("<b>bold</b>", "what it is about")
    assert post(client, "/lora/edit", text=changed, etag=etag(page)).status_code == 303
    assert client.get("/v1/experiments/lora").json()["description"] == "what it is about"
    status, sentence = alert(post(client, "/lora/edit", text=text, etag=etag(page)))
    assert (status, "this is not the version" in sentence) == (412, True)
    assert alert(post(client, "/lora/edit", text="{", etag=etag(page)))[0] == 422
    assert alert(post(client, "/lora/edit", text='{"key": "other"}', etag=etag(page)))[0] == 422


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"share": "half"}, "share: must be a number, in percent"),
        ({"share": "nan"}, "share: must be a number from 0 to 100"),
        ({"coverage": "101"}, "coverage: must be a number from 0 to 100"),
        ({"planned_units": "many"}, "planned units: must be a whole number"),
        ({"key": "a b"}, "key: "),
        ({"text": "[]"}, "the definition must be a JSON object"),
        ({"text": '{"key": "e", "weights": 1}'}, "there is no such field"),
    ],
)
def test_a_form_that_is_no_definition_is_shown_again_with_a_sentence(client, fields, sentence):
    answer = post(client, "/-/new", **{**FORM, **fields})
    status, said = alert(answer)
    assert (status, sentence in said) == (422, True), said
    assert 'value="lora"' in answer.text or "key" in fields or "text" in fields


def test_a_key_that_is_taken_is_not_written_over(client):
    post(client, "/-/new", **FORM)
    assert alert(post(client, "/-/new", **FORM))[0] == 412


def test_an_action_that_cannot_be_done_says_why(client):
    post(client, "/-/new", **FORM)
    status, sentence = alert(act(client, "pause"))
    assert (status, sentence) == (409, "experiment lora is draft; to pause it must be running")
    assert client.get("/experiments/lora/explode").status_code == 404
    assert alert(client.get("/experiments/other"))[0] == 404


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://evil"}, {"Sec-Fetch-Site": "cross-site", **OWN}])
def test_a_page_of_another_site_changes_nothing(client, headers):
    answer = client.post("/experiments/-/new", data=FORM, headers=headers)
    assert answer.status_code == 403
    assert client.get("/v1/experiments").json()["experiments"] == []


def test_pages_run_no_scripts_and_are_framed_by_nobody(client):
    headers = client.get("/experiments").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "<script" not in client.get("/experiments/-/new").text
    assert client.get("/experiments/-/style.css").headers["content-type"].startswith("text/css")


def test_who_is_not_logged_in_is_sent_to_the_login_and_back(guarded):
    answer = guarded.get("/experiments/lora", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/experiments/-/login?next=/experiments/lora")
    assert 'name="next" value="/experiments/lora"' in guarded.get(answer.headers["location"]).text
    answer = post(guarded, "/-/login", key="hr_owner", next="/experiments/-/new")
    assert answer.headers["location"] == "/experiments/-/new"
    cookie = answer.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=strict", "path=/experiments", "max-age=3600"))
    assert "hr_owner" not in cookie
    assert post(guarded, "/-/new", **FORM).status_code == 303
    [event] = guarded.get("/v1/experiments/lora/events", headers={"Authorization": "Bearer hr_owner"}).json()["events"]
    assert event["by"].startswith("acme/")
    assert "Log out" in guarded.get("/experiments").text
    assert post(guarded, "/-/logout").status_code == 303
    assert COOKIE not in guarded.cookies


@pytest.mark.parametrize(("key", "status"), [("hr_nobody", 401), ("hr_reader", 403), ("", 401), ("é", 401)])
def test_a_key_that_may_not_is_told_so(guarded, key, status):
    answer = post(guarded, "/-/login", key=key)
    assert alert(answer)[0] == status
    assert "set-cookie" not in answer.headers


def test_a_cookie_that_is_none_of_ours_is_no_login(guarded):
    guarded.cookies.set(COOKIE, "made up")
    assert guarded.get("/experiments", follow_redirects=False).status_code == 303


def test_while_state_is_gone_the_list_is_shown_as_it_was_read_last(start_app):
    state = FakeState()
    client = start_app(state=state)
    post(client, "/-/new", **FORM)
    act(client, "start")
    state.unavailable = True
    listed = client.get("/experiments")
    assert (listed.status_code, "State does not answer" in listed.text, "lora" in listed.text) == (200, True, True)
    assert alert(client.get("/experiments/lora"))[0] == 503
    assert alert(post(client, "/lora/stop"))[0] == 503


def test_an_experiment_of_the_file_is_shown_and_not_changed(start_app, tmp_path):
    file = tmp_path / "experiments.yaml"
    file.write_text(
        "experiments: [{key: of-file, model: topics, variants: [{name: a, version: 1, weight: 0.5}, {name: b, version: 2, weight: 0.5}]}]"
    )
    client = start_app(state=FakeState(), experiments_file=file)
    assert "managed by the file" in client.get("/experiments/of-file").text
    assert "of-file" in client.get("/experiments").text
    assert alert(client.get("/experiments/of-file/stop"))[0] == 409


def test_a_copy_needs_nothing_else(client):
    post(client, "/-/new", **FORM)
    answer = client.get("/experiments/lora?copy=1")
    assert answer.headers["content-disposition"] == 'attachment; filename="lora.html"'
    assert re.findall(r"(?:src|href|action)\s*=|url\(|@import", answer.text) == ["href="]  # to skip to the content
    assert 'href="#main"' in answer.text


def test_without_state_those_of_the_file_are_shown(start_app):
    client = start_app()
    assert client.get("/experiments").status_code == 200
    assert alert(post(client, "/-/new", **FORM))[0] == 503
