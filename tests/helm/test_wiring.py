"""The programs read what the chart sets."""

import pytest
import yaml

from gateway.experiments import file as experiments
from gateway.experiments.definition import Definition, Variant
from gateway.settings import runtime as runtime_settings
from gateway.settings.settings import PREFIX, Settings

EXPERIMENT = {
    "key": "topics-lora",
    "model": "topics",
    "variants": [{"name": "control", "version": 1, "weight": 0.3}, {"name": "treatment", "version": 2, "weight": 0.7}],
}
WHOLE = EXPERIMENT | {
    "key": "whole",
    "description": "a larger fine-tune",
    "owner": "search",
    "seed": "s",
    "coverage": 0.25,
    "condition": {"country": {"$in": ["de", "at"]}},
    "namespace": ["n", 0, 0.5],
    "unit_attribute": "company",
    "forced_variants": {"qa": "treatment"},
    "cache_bypass": 0.1,
    "metrics": [{"name": "click", "kind": "binary"}],
    "ramp": {"steps": [{"coverage": 0.25, "minimum_units": 1000}]},
    "planned_units": 2_000_000,
}
OWN = {"host", "port", "grpc_port", "triton_url", "cache_url", "experiments_file", "experiments_kept_file", "runtime_file", "api_keys"}
OWN |= {"drain_delay_s", "drain_timeout_s", "auth", "state_url", "tls_cert_file", "tls_key_file", "triton_headers"}
"""Settings that the chart makes itself."""
EMBEDDED = {"state_dir"}
"""Settings of `--embedded`, which the chart does not use."""


def environment(find, values=None):
    (container,) = find("Deployment", "gateway", values)["spec"]["template"]["spec"]["containers"]
    return {variable["name"]: variable for variable in container["env"]}


def read_settings(monkeypatch, variables):
    for name, variable in variables.items():
        if name.startswith(PREFIX) and "value" in variable:
            monkeypatch.setenv(name, variable["value"])
    return Settings.read()


def experiments_file(find, values):
    return find("ConfigMap", "gateway", values)["data"]["experiments.yaml"]


def annotations(find, values):
    return find("Deployment", "gateway", values)["spec"]["template"]["metadata"]["annotations"]


def triton_pod(find, values=None):
    return find("Deployment", "triton", values)["spec"]["template"]["spec"]


def test_every_variable_of_the_gateway_is_one_that_it_reads(find):
    secrets = {name: {"existingSecret": "secret"} for name in ("apiKeys", "tritonHeaders", "tls")}
    values = {"gateway": {**secrets, "settings": {"cache_ttl_s": 60}}, "state": {"existingSecret": "state"}}
    names = environment(find, values).keys()
    assert names <= {PREFIX + field.upper() for field in Settings.model_fields}
    assert {PREFIX + name.upper() for name in OWN} <= names


def test_the_gateway_requires_keys_unless_the_values_say_otherwise(find, monkeypatch):
    variables = environment(find)
    assert variables["HEADRACE_API_KEYS"]["valueFrom"]["secretKeyRef"] == {"name": "headrace-api-keys", "key": "api-keys"}
    assert read_settings(monkeypatch, variables).auth == {"keys"}
    variables = environment(find, {"gateway": {"auth": "off"}})
    assert "HEADRACE_API_KEYS" not in variables
    assert read_settings(monkeypatch, variables).auth == frozenset()


def test_keys_can_be_kept_in_state_only(find, monkeypatch):
    values = {"gateway": {"apiKeys": {"existingSecret": ""}}, "state": {"url": "rediss://state.example.com:6380/0"}}
    variables = environment(find, values)
    assert "HEADRACE_API_KEYS" not in variables
    read_settings(monkeypatch, variables).require_a_way_in()


def test_probes_speak_tls_where_the_gateway_does(find):
    pod = find("Deployment", "gateway", {"gateway": {"tls": {"existingSecret": "certificate"}}})["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert {container[probe]["httpGet"]["scheme"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")} == {"HTTPS"}
    assert {"name": "tls", "secret": {"secretName": "certificate"}} in pod["volumes"]
    assert {"name": "tls", "mountPath": "/etc/headrace-tls", "readOnly": True} in container["volumeMounts"]


def test_every_setting_of_the_gateway_can_be_set_and_no_other(chart):
    assert chart.schema["$defs"]["settings"]["properties"].keys() | OWN | EMBEDDED == Settings.model_fields.keys()


def test_the_gateway_accepts_its_settings_and_finds_triton_and_the_cache(find, monkeypatch):
    values = {"gateway": {"settings": {"max_body_bytes": 20971520, "cache_ttl_s": 0.5, "log_level": "debug"}, "drainTimeoutSeconds": 7}}
    settings = read_settings(monkeypatch, environment(find, values))
    triton, valkey = find("Service", "triton"), find("Service", "valkey")
    assert settings.triton_url == f"dns:///{triton['metadata']['name']}:8000"
    assert triton["spec"]["clusterIP"] == "None"
    assert settings.cache_url.get_secret_value() == f"redis://{valkey['metadata']['name']}:6379/0"
    assert (settings.host, settings.port) == ("0.0.0.0", 8080)  # noqa: S104 - a pod's own network
    assert (settings.max_body_bytes, settings.cache_ttl_s, settings.log_level) == (20971520, 0.5, "debug")
    assert settings.drain_timeout_s == 7


def test_a_service_cannot_overwrite_a_setting(find):
    assert find("Deployment", "gateway")["spec"]["template"]["spec"]["enableServiceLinks"] is False


def test_an_external_cache_takes_the_place_of_valkey(find, render):
    values = {"valkey": {"enabled": False}, "cache": {"url": "rediss://cache.example.com:6380/0"}}
    assert environment(find, values)["HEADRACE_CACHE_URL"]["value"] == "rediss://cache.example.com:6380/0"
    components = {manifest["metadata"]["labels"]["app.kubernetes.io/component"] for manifest in render(values)}
    assert components == {"gateway", "triton"}


def test_a_cache_url_can_come_from_a_secret(find):
    values = {"valkey": {"enabled": False}, "cache": {"existingSecret": "cache", "existingSecretKey": "address"}}
    assert environment(find, values)["HEADRACE_CACHE_URL"]["valueFrom"] == {"secretKeyRef": {"name": "cache", "key": "address"}}


def test_without_a_cache_the_gateway_gets_no_cache_url(find):
    assert "HEADRACE_CACHE_URL" not in environment(find, {"valkey": {"enabled": False}})


def test_the_gateway_reads_the_runtime_settings_as_they_are_in_the_values(find, chart):
    given = {"log_level": "debug", "limits": {"max_text_bytes": 10}, "models": {"topics": {"max_pending": 3}}}
    text = find("ConfigMap", "gateway", {"gateway": {"runtime": given}})["data"]["runtime.yaml"]
    assert runtime_settings.parse(text).model_dump(exclude_unset=True) == given
    assert runtime_settings.parse(find("ConfigMap", "gateway")["data"]["runtime.yaml"]) == runtime_settings.RuntimeSettings()
    definitions = chart.schema["$defs"]
    assert definitions["runtime"]["properties"].keys() == runtime_settings.RuntimeSettings.model_fields.keys()
    assert definitions["runtime"]["properties"]["limits"]["properties"].keys() == runtime_settings.RuntimeLimits.model_fields.keys()
    assert definitions["runtimeModel"]["properties"].keys() == runtime_settings.ModelSettings.model_fields.keys()
    assert definitions["experiment"]["properties"].keys() == Definition.model_fields.keys()
    assert definitions["variant"]["properties"].keys() == Variant.model_fields.keys()


@pytest.mark.parametrize("listed", [[], [EXPERIMENT], [WHOLE], [WHOLE, EXPERIMENT]])
def test_the_gateway_reads_the_experiments_as_they_are_in_the_values(find, listed):
    text = experiments_file(find, {"experiments": listed})
    assert yaml.safe_load(text) == {"experiments": listed}
    assert set(experiments.parse(text)) == {experiment["model"] for experiment in listed}


def test_the_experiments_are_mounted_where_the_gateway_looks(find):
    (container,) = find("Deployment", "gateway")["spec"]["template"]["spec"]["containers"]
    folders = {mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "config"}
    assert {f"{folder}/experiments.yaml" for folder in folders} == {environment(find)["HEADRACE_EXPERIMENTS_FILE"]["value"]}


def test_changed_experiments_change_the_pods_checksum_and_other_changes_do_not(find):
    before = annotations(find, {})["checksum/experiments"]
    assert annotations(find, {"experiments": [EXPERIMENT]})["checksum/experiments"] != before
    assert annotations(find, {"gateway": {"replicas": 5}})["checksum/experiments"] == before


def test_a_gpu_is_asked_for_by_default(find):
    (container,) = triton_pod(find)["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert container["resources"]["limits"]["memory"] == "8Gi"


def test_more_gpus_can_be_asked_for(find):
    (container,) = triton_pod(find, {"triton": {"gpu": {"count": 4}}})["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 4


def test_a_triton_on_cpus_asks_for_no_gpu(find):
    (container,) = triton_pod(find, {"triton": {"gpu": {"enabled": False}}})["containers"]
    assert "nvidia.com/gpu" not in container["resources"]["limits"] | container["resources"]["requests"]


def test_an_object_store_needs_no_claim(find, render):
    values = {"triton": {"modelRepository": {"url": "s3://bucket/models", "credentialsSecret": "store"}}}
    (container,) = triton_pod(find, values)["containers"]
    assert "--model-repository=s3://bucket/models" in container["args"]
    assert container["envFrom"] == [{"secretRef": {"name": "store"}}]
    assert not [manifest for manifest in render(values) if manifest["kind"] == "PersistentVolumeClaim"]


@pytest.mark.parametrize(("values", "claim"), [({}, "demo-headrace-triton-models"), ({"existingClaim": "models"}, "models")])
def test_triton_reads_its_models_from_a_claim(find, values, claim):
    pod = triton_pod(find, {"triton": {"modelRepository": values}})
    (container,) = pod["containers"]
    (mount,) = (mount for mount in container["volumeMounts"] if mount["name"] == "models")
    (volume,) = (volume for volume in pod["volumes"] if volume["name"] == "models")
    assert f"--model-repository={mount['mountPath']}" in container["args"]
    assert volume["persistentVolumeClaim"] == {"claimName": claim}


def test_the_claim_that_triton_mounts_is_the_one_that_is_made(find):
    assert find("PersistentVolumeClaim", "triton")["metadata"]["name"] == "demo-headrace-triton-models"


@pytest.mark.parametrize("component", ["gateway", "triton"])
def test_the_grace_period_covers_the_drain(find, component):
    timeout = {"gateway": "drainTimeoutSeconds", "triton": "exitTimeoutSeconds"}[component]
    pod = find("Deployment", component, {component: {timeout: 120, "preStopSeconds": 15}})["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] > 120 + 15


def test_a_recreated_triton_has_no_settings_of_rolling_updates(find):
    assert find("Deployment", "triton", {"triton": {"strategy": {"type": "Recreate"}}})["spec"]["strategy"] == {"type": "Recreate"}


def test_with_an_autoscaler_the_chart_sets_no_number_of_gateways(find):
    values = {"gateway": {"autoscaling": {"enabled": True}}}
    assert "replicas" not in find("Deployment", "gateway", values)["spec"]
    assert find("HorizontalPodAutoscaler", "gateway", values)["spec"]["maxReplicas"] == 10


def test_the_ingress_publishes_predictions_and_not_metrics(find):
    (rule,) = find("Ingress", "gateway", {"gateway": {"ingress": {"enabled": True}}})["spec"]["rules"]
    assert [path["path"] for path in rule["http"]["paths"]] == ["/v1"]


def test_with_policies_only_the_gateway_reaches_triton_and_the_cache(find):
    gateway = find("Deployment", "gateway")["spec"]["selector"]["matchLabels"]
    for component in ("triton", "valkey"):
        (rule,) = find("NetworkPolicy", component, {"networkPolicy": {"enabled": True}})["spec"]["ingress"]
        assert rule["from"] == [{"podSelector": {"matchLabels": gateway}}]


def test_with_policies_triton_is_told_over_grpc_by_whom_the_values_name(find):
    exporter = {"podSelector": {"matchLabels": {"job": "export"}}}
    rules = find("NetworkPolicy", "triton", {"networkPolicy": {"enabled": True, "loadFrom": [exporter]}})["spec"]["ingress"]
    assert [rule["from"] for rule in rules if {"port": "grpc", "protocol": "TCP"} in rule["ports"]] == [[exporter]]
    assert len(rules) == 2, "and the gateway over HTTP"
