"""Experiments through the whole application, on a fake Triton and a fake state."""

import asyncio

import pytest
import yaml
from gateway_process import wait_until

from gateway.experiments.definition import Definition, read
from gateway.fakes.manifests import make_manifest
from gateway.fakes.state import FakeState
from gateway.fakes.triton import FakeTriton
from gateway.measurement.layout import layout_of
from gateway.measurement.names import Names
from gateway.measurement.running_sums import read_sums
from gateway.state.durability import durability_of

ARMS = [
    {"name": "control", "model": "topics", "version": 1, "weight": 0.5},
    {"name": "treatment", "model": "topics", "version": 2, "weight": 0.5},
]
EXPERIMENT = {"key": "lora", "variants": ARMS, "coverage": 1.0}
URL = "/v1/experiments/lora"


@pytest.fixture
def state():
    return FakeState()


@pytest.fixture
def client(start_app, state):
    return start_app(state=state)


def arms(client, units=50):
    """The experiments and variants that units get."""
    answers = [
        client.post("/v1/models/topics:predict", json={"instances": ["corn"]}, headers={"X-Unit-ID": f"u{i}"}).headers for i in range(units)
    ]
    return {(headers.get("x-experiment"), headers.get("x-variant"), headers["x-model-version"]) for headers in answers}


def variants(client, units):
    return [
        client.post("/v1/models/topics:predict", json={"instances": ["corn"]}, headers={"X-Unit-ID": f"u{i}"}).headers["x-variant"]
        for i in units
    ]


def said(answer):
    return answer.status_code, answer.json()["error"]


def test_an_experiment_is_made_started_seen_by_requests_and_stopped(client):
    made = client.put(URL, json=EXPERIMENT)
    assert (made.status_code, made.json()["status"], made.headers["etag"]) == (201, "draft", '"1"')
    assert arms(client, 1) == {(None, None, "2")}
    assert client.post(f"{URL}:start").json()["status"] == "running"
    assert arms(client) == {("lora", "control", "1"), ("lora", "treatment", "2")}
    assert client.post(f"{URL}:pause").json()["status"] == "paused"
    assert arms(client, 1) == {(None, None, "2")}
    assert client.post(f"{URL}:start").json()["status"] == "running"
    stopped = client.post(f"{URL}:stop").json()
    assert (stopped["status"], stopped["epoch"]) == ("stopped", 1)
    assert arms(client, 1) == {(None, None, "2")}
    assert said(client.post(f"{URL}:start")) == (409, "experiment lora is stopped; to start it must be draft or paused")
    events = client.get(f"{URL}/events").json()["events"]
    assert [event["action"] for event in events] == ["create", "start", "pause", "start", "stop"]
    assert [(event["before"] or {}).get("status") for event in events] == [None, "draft", "running", "paused", "running"]
    assert {event["by"] for event in events} == {"anyone (authentication is off)"}
    after = client.get(f"{URL}/events", params={"after": events[2]["id"], "count": 1}).json()["events"]
    assert after == [events[3]]


def test_the_list_holds_all_and_says_who_may_change_them(client):
    client.put(URL, json=EXPERIMENT)
    listed = client.get("/v1/experiments").json()
    assert [one["key"] for one in listed["experiments"]] == ["lora"]
    assert listed["auth"].startswith("off: everyone who reaches this port may change experiments")
    assert listed["experiments"][0] == client.get(URL).json()


def test_what_an_answer_shows_may_be_sent_back_and_changes_nothing(client):
    shown = client.put(URL, json=EXPERIMENT).json()
    again = client.put(URL, json=shown)
    assert (again.status_code, again.json(), again.headers["etag"]) == (200, shown, '"1"')
    assert said(client.put(URL, json={**shown, "status": "running"}))[0] == 422


def test_a_change_names_the_version_that_it_changes(client):
    client.put(URL, json=EXPERIMENT)
    changed = {**EXPERIMENT, "coverage": 0.2}
    assert said(client.put(URL, json=changed)) == (
        428,
        'say which version this takes the place of, by the ETag that GET shows: If-Match: "1"',
    )
    done = client.put(URL, json=changed, headers={"If-Match": '"1"'})
    assert (done.status_code, done.headers["etag"], done.json()["coverage"]) == (200, '"2"', 0.2)
    assert client.put(URL, json=EXPERIMENT, headers={"If-Match": '"1"'}).status_code == 412
    assert client.put(URL, json=EXPERIMENT, headers={"If-None-Match": "*"}).status_code == 412
    assert client.post(f"{URL}:start", headers={"If-Match": '"1"'}).status_code == 412
    assert client.delete(URL, headers={"If-Match": '"1"'}).status_code == 412
    # a proxy that compresses marks a tag as weak
    assert client.post(f"{URL}:start", headers={"If-Match": 'W/"2"'}).status_code == 200
    assert client.put("/v1/experiments/other", json={"variants": ARMS}, headers={"If-Match": "*"}).status_code == 412


def test_other_weights_open_an_epoch_another_coverage_does_not_and_metrics_stay(client):
    client.put(URL, json=EXPERIMENT)
    client.post(f"{URL}:start")
    anything = {"If-Match": "*"}
    assert client.put(URL, json={**EXPERIMENT, "coverage": 0.5}, headers=anything).json()["epoch"] == 1
    heavier = [{**ARMS[0], "weight": 0.9}, {**ARMS[1], "weight": 0.1}]
    assert client.put(URL, json={**EXPERIMENT, "variants": heavier}, headers=anything).json()["epoch"] == 2
    measured = {**EXPERIMENT, "variants": heavier, "metrics": [{"name": "click", "kind": "binary"}]}
    status, sentence = said(client.put(URL, json=measured, headers=anything))
    assert (status, sentence.partition(":")[0]) == (409, "metrics")


def test_who_was_assigned_stays_when_the_weights_change(client):
    client.put(URL, json=EXPERIMENT)
    client.post(f"{URL}:start")
    before = variants(client, range(40))
    _flushed(client)
    heavier = [{**ARMS[0], "weight": 0.02}, {**ARMS[1], "weight": 0.98}]
    client.put(URL, json={**EXPERIMENT, "variants": heavier}, headers={"If-Match": "*"})
    wait_until(lambda: client.get("/v1/models/topics").json()["experiment"]["variants"][0]["weight"] == 0.02)
    assert variants(client, range(40)) == before
    assert variants(client, range(40, 80)).count("treatment") > 30
    results = _flushed(client)
    assert (results["epochs"], sum(one["units"] for one in results["variants"]), results["srm"]["ok"]) == ([1, 2], 80, True)


def test_several_experiments_share_a_model_and_what_may_fool_their_owners_is_said(client):
    client.put(URL, json=EXPERIMENT)
    client.put("/v1/experiments/next", json={"variants": ARMS, "seed": "lora"})
    client.post(f"{URL}:start")
    client.post("/v1/experiments/next:start")
    warnings = [one["warnings"] for one in client.get("/v1/experiments").json()["experiments"]]
    assert warnings[0] == warnings[1]
    assert "experiments lora and next have the seed lora" in warnings[0][0]
    client.post(f"{URL}:stop")
    assert arms(client) == {("next", "control", "1"), ("next", "treatment", "2")}


def test_a_promoted_version_is_the_default_until_it_is_rolled_back(client):
    before = client.get("/v1/models/topics").json()
    assert (before["default_version"], before["default_by"]) == (2, None)
    client.put(URL, json=EXPERIMENT)
    assert client.post(f"{URL}:promote").status_code == 409
    client.post(f"{URL}:start")
    promoted = client.post(f"{URL}:promote", json={"variant": "control"}).json()
    assert (promoted["status"], promoted["promotion"]["version"], promoted["promotion"]["before"]["version"]) == ("stopped", 1, 2)
    after = client.get("/v1/models/topics").json()
    assert (after["default_version"], after["default_by"], arms(client, 1)) == (1, "lora", {(None, None, "1")})
    assert said(client.delete(URL))[0] == 409
    assert client.post(f"{URL}:rollback").json()["promotion"] is None
    assert client.get("/v1/models/topics").json()["default_version"] == 2
    assert client.post(f"{URL}:rollback").status_code == 409
    assert client.delete(URL).status_code == 204


def test_without_a_name_the_variant_is_promoted_that_is_not_the_control(client):
    third = {"name": "third", "version": 2, "weight": 0.0}
    client.put(URL, json={**EXPERIMENT, "variants": [ARMS[1], ARMS[0], third]})
    client.post(f"{URL}:start")
    assert client.post(f"{URL}:promote").json()["promotion"]["variant"] == "control"  # the first one is the control, whatever its name
    assert said(client.post(f"{URL}:promote", json={"variant": "nobody"}))[0] == 422
    assert said(client.post(f"{URL}:promote", json={"winner": "third"}))[0] == 422
    several = [ARMS[0], {**ARMS[1], "weight": 0.25}, {**third, "weight": 0.25}]
    client.put("/v1/experiments/several", json={"variants": several})
    client.post("/v1/experiments/several:start")
    status, sentence = said(client.post("/v1/experiments/several:promote"))
    assert (status, "control, treatment, third" in sentence) == (422, True)


def test_a_version_of_another_model_cannot_become_the_default(start_app, state):
    client = start_app(triton=FakeTriton(make_manifest("topics", 1), make_manifest("mail", 1)), state=state)
    client.put(URL, json={"variants": [ARMS[0], {"name": "treatment", "model": "mail", "version": 1, "weight": 0.5}]})
    client.post(f"{URL}:start")
    status, sentence = said(client.post(f"{URL}:promote"))
    assert (status, "only versions of topics can become its default" in sentence) == (409, True)


def test_what_no_model_server_has_is_warned_of(client):
    newer = [ARMS[0], {**ARMS[1], "version": 7}]
    made = client.put(URL, json={**EXPERIMENT, "variants": newer}).json()
    assert made["warnings"] == ["variant treatment: there is no version 7 of topics; the control answers"]
    of_mail = client.put("/v1/experiments/mail", json={"variants": [{**arm, "model": "mail"} for arm in ARMS]}).json()
    assert of_mail["warnings"] == ["there is no model mail, so nobody takes part; there are: topics"]


@pytest.mark.parametrize(
    ("body", "status", "part"),
    [
        (b"[1]", 422, "the body must be a JSON object"),
        (b"{", 400, "not JSON"),
        (b"{}", 422, "variants: Field required"),
        (b'{"key": "other"}', 422, "key: must be lora, as in the path"),
        (b'{"coverige": 1, "variants": []}', 422, "coverige: there is no such field; coverage is one"),
    ],
)
def test_a_body_that_is_no_definition_is_refused_with_a_sentence(client, body, status, part):
    answer = client.put(URL, content=body)
    assert (answer.status_code, part in answer.json()["error"]) == (status, True)


def test_an_experiment_that_is_not_there_is_a_sentence(client):
    client.put(URL, json=EXPERIMENT)
    missing = client.get("/v1/experiments/nobody")
    assert said(missing) == (404, "no such experiment; there are: lora")
    asked = [client.post(f"/v1/experiments/nobody:{verb}") for verb in ("start", "pause", "stop", "promote", "rollback")]
    asked += [client.delete("/v1/experiments/nobody"), client.get("/v1/experiments/nobody/events")]
    assert {answer.status_code for answer in asked} == {404}
    assert client.get(f"{URL}/events", params={"after": "yesterday"}).status_code == 422


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "experiments.yaml"
    arms = [{"name": arm["name"], "version": arm["version"], "weight": arm["weight"]} for arm in ARMS]
    path.write_text(yaml.safe_dump({"experiments": [{"key": "of-file", "model": "topics", "variants": arms}]}))
    return path


def test_an_experiment_of_the_file_is_shown_and_changed_there_only(start_app, state, file):
    client = start_app(state=state, experiments_file=file)
    shown = client.get("/v1/experiments/of-file").json()
    assert (shown["managed_by"], shown["status"], shown["variants"][1]["version"]) == ("file", "running", 2)
    sentence = "experiment of-file is managed by the file HEADRACE_EXPERIMENTS_FILE: change it there"
    asked = [client.post(f"/v1/experiments/of-file:{verb}") for verb in ("start", "stop", "promote")]
    asked += [client.put("/v1/experiments/of-file", json={"variants": ARMS}), client.delete("/v1/experiments/of-file")]
    assert {said(answer) for answer in asked} == {(409, sentence)}


def test_experiments_of_the_file_and_of_state_run_side_by_side(start_app, state, file):
    manifests = [make_manifest(model, version) for model in ("topics", "mail") for version in (1, 2)]
    client = start_app(triton=FakeTriton(*manifests), state=state, experiments_file=file)
    client.put(URL, json={"variants": [{**arm, "model": "mail"} for arm in ARMS]})
    assert client.post(f"{URL}:start").status_code == 200
    assert arms(client) == {("of-file", "control", "1"), ("of-file", "treatment", "2")}
    of_mail = client.post("/v1/models/mail:predict", json={"instances": ["corn"]}, headers={"X-Unit-ID": "ann"})
    assert of_mail.headers["x-experiment"] == "lora"
    client.put("/v1/experiments/next", json={"variants": ARMS})
    assert client.post("/v1/experiments/next:start").status_code == 200
    shown = client.get("/v1/models/topics").json()["experiments"]
    assert [one["key"] for one in shown] == ["next", "of-file"]


def test_state_that_may_lose_an_experiment_is_refused_unless_it_is_accepted(start_app, state):
    state.durability = durability_of(config={"appendonly": "no"}, can_wait=False, memory={}, replicas=0)
    client = start_app(state=state)
    status, sentence = said(client.put(URL, json=EXPERIMENT))
    assert (status, "set appendonly yes" in sentence, "HEADRACE_STATE_MAY_LOSE_WRITES=true" in sentence) == (503, True, True)
    assert client.get("/v1/experiments").json()["experiments"] == []
    assert client.get("/readyz").json()["checks"]["state_durability"].startswith("may lose writes: ")
    accepting = start_app(state=state, state_may_lose_writes=True)
    assert accepting.put(URL, json=EXPERIMENT).status_code == 201


def test_without_state_there_are_those_of_the_file_alone(start_app, file):
    client = start_app(experiments_file=file)
    assert [one["key"] for one in client.get("/v1/experiments").json()["experiments"]] == ["of-file"]
    assert said(client.put(URL, json=EXPERIMENT)) == (503, "experiments are kept in Redis and there is none: set HEADRACE_STATE_URL")


def test_while_state_is_gone_experiments_go_on_as_they_were_read_last(client, state):
    client.put(URL, json=EXPERIMENT)
    client.post(f"{URL}:start")
    state.unavailable = True
    listed = client.get("/v1/experiments").json()
    assert (listed["stale"], listed["experiments"][0]["status"]) == (True, "running")
    assert client.post(f"{URL}:stop").status_code == 503
    assert arms(client) == {("lora", "control", "1"), ("lora", "treatment", "2")}
    state.unavailable = False
    assert client.post(f"{URL}:stop").json()["status"] == "stopped"


@pytest.mark.parametrize(("origin", "status"), [("http://testserver", 201), ("https://elsewhere.example", 403), ("null", 403)])
def test_a_page_of_another_site_changes_nothing_while_authentication_is_off(client, origin, status):
    assert client.put(URL, json=EXPERIMENT, headers={"Origin": origin}).status_code == status


def test_while_authentication_is_off_only_a_gateway_on_loopback_is_open(start_app, state):
    client = start_app(state=state, host="0.0.0.0")  # noqa: S104 - it is not bound
    status, sentence = said(client.put(URL, json=EXPERIMENT))
    assert (status, "set HEADRACE_AUTH=keys" in sentence) == (403, True)
    assert client.get("/v1/experiments").status_code == 200


def test_requests_are_counted_in_their_arms(client, state):
    metric = {"name": "errors", "kind": "ratio", "source": "request", "direction": "decrease"}
    shown = client.put(URL, json={**EXPERIMENT, "metrics": [metric]}).json()
    client.post(f"{URL}:start")
    for _ in range(2):
        arms(client, 20)
    client.post("/v1/models/topics:predict", json={"instances": ["corn"]})  # a unit of its own
    client.__exit__(None, None, None)  # what waits is written before the gateway ends
    layout = layout_of(read({name: value for name, value in shown.items() if name in Definition.model_fields}))
    sums = asyncio.run(read_sums(state, Names.of("lora", 1, layout), layout))
    assert [sum(count(variant) for variant in (0, 1)) for count in (sums.units, sums.anonymous)] == [20, 1]
    assert sum(sums.feature(variant, "requests")[1].x for variant in (0, 1)) == 40


def test_a_ramp_begins_at_its_first_step_and_moves_coverage_alone(client):
    steps = [{"coverage": 0.2, "approval": True}, {"coverage": 1}]
    client.put(URL, json={**EXPERIMENT, "ramp": {"steps": steps}})
    assert said(client.post(f"{URL}:approve")) == (409, "experiment lora is draft; to approve a step it must be running")
    started = client.post(f"{URL}:start").json()
    assert (started["ramp_state"]["step"], started["ramp_state"]["coverage"], started["epoch"]) == (0, 0.2, 1)
    taking_part = [
        client.post("/v1/models/topics:predict", json={"instances": ["corn"]}, headers={"X-Unit-ID": f"u{i}"}) for i in range(100)
    ]
    assert 5 < sum("x-experiment" in answer.headers for answer in taking_part) < 40
    assert client.post(f"{URL}:approve").json()["ramp_state"]["approved"]
    assert said(client.post(f"{URL}:approve")) == (409, "the next step of experiment lora is approved already")
    assert said(client.put(URL, json={**EXPERIMENT, "ramp": {"steps": steps[:1]}}, headers={"If-Match": "*"}))[0] == 409
    results = _flushed(client)
    assert results["ramp"].startswith("step 1 of 2, 20%: units_with_errors: treatment: not enough is known")
    assert results["requests"][-1]["comparisons"][0]["guardrail"]["verdict"] == "not enough known"


def test_results_are_shown_for_an_experiment_and_its_sums_are_checked(client):
    metric = {"name": "click", "kind": "binary"}
    client.put(URL, json={**EXPERIMENT, "metrics": [metric]})
    assert client.get(f"{URL}/results").json()["sentence"].startswith("treatment: nothing is known yet")
    client.post(f"{URL}:start")
    arms(client, 20)
    outcomes(client, {})
    results = client.get(f"{URL}/results").json()
    assert sum(one["units"] for one in results["variants"]) == sum(one["requests"] for one in results["variants"]) == 20
    assert [one["name"] for one in results["metrics"]] == ["click"]
    assert sum(round(one["estimate"] * one["units"]) for one in results["metrics"][0]["variants"]) == 1
    checked = client.get(f"{URL}/check").json()
    assert (checked["ok"], checked["units"], checked["epoch"]) == (True, 20, 1)
    assert said(client.get("/v1/experiments/other/results")) == (404, "no such experiment; there are: lora")


def test_a_version_shadows_another(client):
    shadowing = [{**ARMS[0], "weight": 1.0}, {**ARMS[1], "weight": 0.0, "shadow": True}]
    client.put(URL, json={**EXPERIMENT, "variants": shadowing})
    client.post(f"{URL}:start")
    for i in range(20):
        answer = client.post("/v1/models/topics:predict", json={"instances": [f"corn {i}"]}, headers={"X-Unit-ID": f"u{i}"})
        assert answer.headers["x-model-version"] == "1"

    def compared():
        found = client.get(f"{URL}/shadows").json()["shadows"]
        return found and found[0]["requests"]["compared"] == 20

    wait_until(compared)
    [shadow] = client.get(f"{URL}/shadows").json()["shadows"]
    assert (shadow["before"], shadow["after"], shadow["by_traffic"]["items"]) == ("topics/1", "topics/2", 20)
    assert "topics/2 beside topics/1" in client.get("/experiments/lora").text
    client.post(f"{URL}:stop")
    client.delete(URL)
    client.put(URL, json=EXPERIMENT)
    assert client.get(f"{URL}/shadows").json() == {"key": "lora", "shadows": []}


def test_a_fixed_horizon_is_shown_where_it_is_asked_for(client):
    client.put(URL, json={**EXPERIMENT, "metrics": [{"name": "click", "kind": "binary"}]})
    client.post(f"{URL}:start")
    clicked = variants(client, range(40))
    outcomes(
        client, *({"unit": f"u{i}", "key": f"k{i}"} for i, variant in enumerate(clicked) if i % (4 if variant == "control" else 2) == 0)
    )
    [one] = client.get(f"{URL}/results").json()["metrics"][0]["comparisons"]
    assert "fixed_horizon" not in one
    [one] = client.get(f"{URL}/results?fixed_horizon=true").json()["metrics"][0]["comparisons"]
    horizon = one["fixed_horizon"]
    assert horizon["difference"] == pytest.approx(one["difference"])
    assert horizon["interval"][1] - horizon["interval"][0] < one["interval"][1] - one["interval"][0]  # what one look is worth


def test_looks_are_kept_for_the_page(client):
    client.put(URL, json={**EXPERIMENT, "metrics": [{"name": "click", "kind": "binary"}]})
    client.post(f"{URL}:start")
    assert client.get(f"{URL}/looks").json() == {"key": "lora", "looks": []}
    assert said(client.get("/v1/experiments/other/looks"))[0] == 404


def test_a_key_that_is_made_again_begins_with_nothing(client):
    for _ in range(2):
        client.put(URL, json=EXPERIMENT)
        client.post(f"{URL}:start")
        assert [one["units"] for one in client.get(f"{URL}/results").json()["variants"]] == [0, 0]
        arms(client, 20)
        assert sum(one["units"] for one in _flushed(client)["variants"]) == 20
        client.post(f"{URL}:stop")
        client.delete(URL)


def _flushed(client):
    outcomes(client, {})  # what is answered is counted behind the exposures before it
    return client.get(f"{URL}/results").json()


def outcomes(client, *given):
    return client.post(
        "/v1/outcomes", json={"outcomes": [{"unit": "u0", "metric": "click", "value": 1, "key": "k", **one} for one in given]}
    )


def test_outcomes_count_once_for_units_that_were_exposed(client):
    metric = {"name": "click", "kind": "binary"}
    client.put(URL, json={**EXPERIMENT, "metrics": [metric]})
    client.post(f"{URL}:start")
    arms(client, 2)
    assert outcomes(client, {}, {"unit": "u1", "key": "l"}).json() == {"stored": 2, "known": 0}
    assert outcomes(client, {}, {"key": "m"}, {"unit": "nobody", "key": "n"}, {"metric": "other", "key": "o"}).json() == {
        "stored": 1,
        "known": 1,
    }
    client.post(f"{URL}:pause")
    assert outcomes(client, {"key": "p"}).json() == {"stored": 1, "known": 0}
    client.post(f"{URL}:stop")
    assert outcomes(client, {"key": "q"}).json() == {"stored": 1, "known": 0}  # it was late
    client.delete(URL)
    assert outcomes(client, {"key": "r"}).json() == {"stored": 0, "known": 0}


def test_outcomes_that_are_none_are_refused_with_a_sentence(client, state):
    assert said(outcomes(client, {"value": 1e7}))[0] == 422
    assert said(outcomes(client, {"value": "much"}))[0] == 422
    assert said(outcomes(client))[0] == 422
    assert said(client.post("/v1/outcomes", content=b"{"))[0] == 400
    client.put(URL, json={**EXPERIMENT, "metrics": [{"name": "click", "kind": "binary"}]})
    client.post(f"{URL}:start")
    state.unavailable = True
    assert outcomes(client, {}).status_code == 503
