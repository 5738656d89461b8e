"""The Jobs of the load test: the programs accept the command lines that the Jobs run."""

import argparse

import pytest
import yaml
from helm_python import HelmRenderError, HelmValuesError

from loadtest.arrivals.process import Poisson
from loadtest.scenario.loop import OpenLoop
from loadtest.verbs import run, worker
from loadtest.verbs.scenario_flags import scenario_from
from loadtest.workload.workload import Target

ON = {"enabled": True, "corpus": {"existingConfigMap": "texts"}}


def arguments(job):
    (container,) = job["spec"]["template"]["spec"]["containers"]
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    run.add_parser(commands)
    worker.add_parser(commands)
    return parser.parse_args(container["args"])


def test_there_is_no_load_test_by_default(render):
    assert not [manifest for manifest in render() if manifest["kind"] == "Job"]


def test_the_master_runs_the_scenario_of_the_values(find, tmp_path):
    values = {"loadtest": ON | {"workers": 3, "apiKey": {"existingSecret": "key"}}}
    args = arguments(find("Job", "loadtest-master", values))
    assert args.header == [("Authorization", "Bearer $(HEADRACE_API_KEY)")]
    assert args.master == ("0.0.0.0", 5557)  # noqa: S104 - compared, not bound
    args.scenario = tmp_path / "scenario.yaml"
    args.scenario.write_text(find("ConfigMap", "loadtest-master", values)["data"]["scenario.yaml"])
    scenario = scenario_from(args)
    gateway = find("Service", "gateway", values)
    assert scenario.url == f"http://{gateway['metadata']['name']}:{gateway['spec']['ports'][0]['port']}"
    assert (scenario.workers, scenario.duration_s, scenario.loop) == (3, 60, OpenLoop(Poisson(100)))
    assert scenario.workload.targets == (Target("topics"),)
    assert str(scenario.workload.corpus) == "/corpus/corpus.jsonl"


def test_the_workers_find_the_master(find):
    values = {"loadtest": ON | {"workers": 3}}
    job = find("Job", "loadtest-worker", values)
    service = find("Service", "loadtest-master", values)
    assert (job["spec"]["parallelism"], job["spec"]["completions"]) == (3, 3)
    args = arguments(job)
    assert (args.master_host, args.master_port) == (service["metadata"]["name"], service["spec"]["ports"][0]["port"])


def test_another_scenario_is_passed_on(find):
    scenario = "duration_s: 5\nloop: {kind: closed, users: 8}\nworkload: {targets: [{model: other}]}\n"
    values = {"loadtest": ON | {"url": "https://elsewhere", "scenario": scenario, "report": {"existingClaim": "reports"}}}
    written = yaml.safe_load(find("ConfigMap", "loadtest-master", values)["data"]["scenario.yaml"])
    assert written["url"] == "https://elsewhere"
    assert written["loop"] == {"kind": "closed", "users": 8}
    assert written["workload"] == {"corpus": "/corpus/corpus.jsonl", "targets": [{"model": "other"}]}
    volumes = find("Job", "loadtest-master", values)["spec"]["template"]["spec"]["volumes"]
    assert {"name": "reports", "persistentVolumeClaim": {"claimName": "reports"}} in volumes


def test_a_wrong_value_is_named(chart):
    with pytest.raises(HelmRenderError, match="a load test needs real texts"):
        chart.render({"loadtest": {"enabled": True}}, name="demo", namespace="prod")
    with pytest.raises(HelmValuesError, match="/loadtest/scenario"):
        chart.render({"loadtest": ON | {"scenario": {"url": "http://h"}}}, name="demo", namespace="prod")
