"""The blocks of the chart's README, and those of other pages that deploy it.

There is no cluster: what `kubectl` and `helm` are told is held against what the chart renders.
"""

import json
import re

import pytest
import yaml
from kubernetes_validate import validate
from pages import ROOT, blocks
from pasted import commands

from gateway.settings.values import api_keys

BUILD, INSTALL, KEY, LOAD_MODELS, LOAD_VERSION = blocks("helm/headrace/README.md", "bash")
VALUES, STORE = blocks("helm/headrace/README.md", "yaml")
[CLUSTER] = [block for block in blocks("loadtest/docs/load.md", "sh") if "kubectl" in block]


@pytest.fixture
def told(tmp_path):
    """The words of the commands of a block."""
    return lambda block: [command.words for command in commands(block, tmp_path)]


@pytest.fixture
def installed(render):
    """An object of the release that the page installs, by its kind and component."""

    def find(kind, component):
        label = "app.kubernetes.io/component"
        made = {(manifest["kind"], manifest["metadata"]["labels"][label]): manifest for manifest in render(name="headrace")}
        return made[kind, component]

    return find


def option(words, name):
    return words[words.index(name) + 1]


def test_the_images_that_are_built_are_those_of_the_values(told, chart):
    for words, component in zip(told(BUILD), ("gateway", "triton"), strict=True):
        assert (ROOT / option(words, "-f")).is_file()
        repository, _, tag = option(words, "-t").rpartition(":")
        assert repository == yaml.safe_load(VALUES)[component]["image"]["repository"]
        assert tag == chart.metadata["appVersion"]


@pytest.mark.parametrize("values", [VALUES, STORE], ids=["my-values.yaml", "store"])
def test_the_values_are_values(values, chart, render):
    parsed = yaml.safe_load(values)
    chart.validate_schema(parsed)
    assert render(parsed)


def test_the_chart_that_is_installed_is_there(told):
    [words] = told(INSTALL)
    assert (ROOT / words[3] / "Chart.yaml").is_file()
    assert words[:3] == ("helm", "install", "headrace")


def test_the_key_that_is_made_is_one_that_the_gateway_reads(told, find):
    [words] = told(KEY)
    name, _, value = words[-1].removeprefix("--from-literal=").partition("=")
    [(_, key)] = api_keys(value).items()
    assert (key.tenant, key.scopes) == ("acme", frozenset({"predict", "feedback"}))
    (container,) = find("Deployment", "gateway")["spec"]["template"]["spec"]["containers"]
    [variable] = [variable for variable in container["env"] if variable["name"] == "HEADRACE_API_KEYS"]
    secret = words[words.index("generic") + 1]
    assert variable["valueFrom"]["secretKeyRef"] == {"name": secret, "key": name}


def test_the_pod_that_fills_the_claim_is_valid_and_mounts_the_charts_claim(told, installed):
    run, copy, _delete = told(LOAD_MODELS)
    [overrides] = [word.removeprefix("--overrides=") for word in run if word.startswith("--overrides=")]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": run[4]}} | json.loads(overrides)
    validate(pod, "1.31", strict=True)
    claim = installed("PersistentVolumeClaim", "triton")["metadata"]["name"]
    assert pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim
    assert copy[-1].startswith("loader:" + pod["spec"]["containers"][0]["volumeMounts"][0]["mountPath"])


def test_the_port_that_is_forwarded_and_told_is_tritons_for_grpc(told, installed):
    commands_of = told(LOAD_VERSION)
    forward = next(words for words in commands_of if words[0] == "kubectl")
    load = next(words for words in commands_of if "--triton" in words)
    deployment = installed("Deployment", "triton")
    assert forward[-2] == f"deployment/{deployment['metadata']['name']}"
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert [int(forward[-1])] == [port["containerPort"] for port in container["ports"] if port["name"] == "grpc"]
    assert option(load, "--triton") == f"localhost:{forward[-1]}"


def test_a_load_test_in_the_cluster_is_what_the_chart_renders(told, render):
    create, upgrade, logs = told(CLUSTER)
    values: dict = {}
    for pair in option(upgrade, "--set").split(","):
        path, _, value = pair.partition("=")
        *folders, name = path.split(".")
        into = values
        for folder in folders:
            into = into.setdefault(folder, {})
        into[name] = yaml.safe_load(value)
    assert values["loadtest"]["corpus"]["existingConfigMap"] == create[3]
    label, _, component = option(logs, "-l").partition("=")
    rendered = [manifest for manifest in render(values) if manifest["metadata"]["labels"].get(label) == component]
    assert "Job" in {manifest["kind"] for manifest in rendered}
    # the file's name is the one that the Job reads
    [file] = [re.sub(r"^--from-file=", "", word) for word in create if word.startswith("--from-file=")]
    assert file in json.dumps(rendered)
