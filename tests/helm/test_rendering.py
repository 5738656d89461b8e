"""All objects, for every way to deploy the chart, fit Kubernetes' strict schemas and our rules."""

from pathlib import Path

import helm_python
import kubernetes_validate
import pytest

CHART = Path(__file__).parents[2] / "helm" / "headrace"
EXPERIMENT = {
    "key": "topics-lora",
    "model": "topics",
    "seed": "s",
    "coverage": 0.5,
    "variants": [{"name": "control", "version": 1, "weight": 0.5}, {"name": "treatment", "version": 2, "weight": 0.5}],
}
PEER = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
SCENARIOS = {
    "defaults": {},
    "experiments": {"experiments": [EXPERIMENT]},
    "cpu-only": {"triton": {"gpu": {"enabled": False}, "tolerations": []}},
    "external cache": {"valkey": {"enabled": False}, "cache": {"url": "rediss://cache.example.com:6380/0"}},
    "external cache from a Secret": {"valkey": {"enabled": False}, "cache": {"existingSecret": "cache"}},
    "no cache": {"valkey": {"enabled": False}},
    "external Triton": {"triton": {"enabled": False, "externalUrl": "triton.example.com:8000"}},
    "object store": {"triton": {"modelRepository": {"url": "s3://bucket/models", "credentialsSecret": "store"}, "replicas": 3}},
    "own claim": {"triton": {"modelRepository": {"existingClaim": "models", "subPath": "prod"}, "strategy": {"type": "Recreate"}}},
    "published and scaled": {
        "gateway": {
            "ingress": {"enabled": True, "className": "nginx", "tls": [{"secretName": "tls", "hosts": ["headrace.example.com"]}]},
            "autoscaling": {"enabled": True},
            "apiKeys": {"existingSecret": "keys"},
            "settings": {"max_body_bytes": 20971520, "cache_ttl_s": 0.5, "log_level": "debug"},
            "extraEnv": [{"name": "TZ", "value": "UTC"}],
            "image": {"digest": "sha256:" + "0" * 64},
        }
    },
    "keys in state": {"gateway": {"apiKeys": {"existingSecret": ""}}, "state": {"existingSecret": "state"}},
    "open": {"gateway": {"auth": "off"}},
    "over TLS": {
        "gateway": {
            "tls": {"existingSecret": "certificate"},
            "tritonHeaders": {"existingSecret": "triton"},
            "settings": {"triton_ca_file": "/etc/authorities/ca.pem"},
            "extraVolumes": [{"name": "authorities", "secret": {"secretName": "authorities"}}],
            "extraVolumeMounts": [{"name": "authorities", "mountPath": "/etc/authorities", "readOnly": True}],
        }
    },
    "closed": {"networkPolicy": {"enabled": True, "gatewayFrom": [PEER], "loadFrom": [PEER], "metricsFrom": [PEER]}},
    "placed": {
        "imagePullSecrets": [{"name": "pull"}],
        "gateway": {"podLabels": {"team": "search"}, "podAnnotations": {"note": "a"}, "nodeSelector": {"disk": "ssd"}},
        "triton": {"runtimeClassName": "nvidia", "podAnnotations": {"note": "a"}, "extraArgs": ["--log-verbose=1"], "gpu": {"count": 2}},
        "valkey": {"nodeSelector": {"disk": "ssd"}, "tolerations": [{"key": "spot", "operator": "Exists"}]},
    },
}
LOAD = {"loadtest": {"enabled": True, "corpus": {"existingConfigMap": "texts"}}}
SCENARIOS["load test"] = LOAD | {"networkPolicy": {"enabled": True}}
KUBERNETES = ["1.28", "1.31", "1.37"]
COMPONENTS = {"gateway", "triton", "valkey"}

every_scenario = pytest.mark.parametrize("values", SCENARIOS.values(), ids=SCENARIOS.keys())


def pods(objects):
    """The pod templates by the name of their Deployment, or of their Job without the revision."""
    return {
        manifest["metadata"]["name"] if manifest["kind"] == "Deployment" else manifest["metadata"]["name"].rpartition("-")[0]: manifest[
            "spec"
        ]["template"]
        for manifest in objects
        if manifest["kind"] in {"Deployment", "Job"}
    }


def containers(objects):
    return [container for pod in pods(objects).values() for container in pod["spec"]["containers"]]


@every_scenario
def test_lint_finds_nothing(values):
    report = helm_python.lint(CHART, values, strict=True)
    assert [message for message in report["messages"] if message["severity"] > 1] + report["errors"] == []


@every_scenario
def test_objects_fit_the_strict_schemas_of_kubernetes(render, values):
    for version in KUBERNETES:
        for manifest in render(values):
            assert kubernetes_validate.validate(manifest, version, strict=True) == version


def test_the_strict_schemas_would_refuse_an_unknown_field(find):
    deployment = find("Deployment", "gateway")
    deployment["spec"]["template"]["spec"]["replica"] = 1
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(deployment, "1.31", strict=True)


@every_scenario
def test_every_container_has_probes_resources_and_a_security_context(render, values):
    for container in containers(render(values)):
        if container["name"] not in {"master", "worker"}:  # Jobs need no probes: they end or fail by themselves
            assert {"livenessProbe", "readinessProbe"} <= container.keys()
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        assert "memory" in container["resources"]["limits"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@every_scenario
def test_every_pod_is_unprivileged_and_holds_no_token(render, values):
    for pod in pods(render(values)).values():
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert pod["spec"]["securityContext"]["runAsUser"] > 0
        assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["spec"]["automountServiceAccountToken"] is False


@every_scenario
def test_selectors_match_the_intended_pods_and_no_others(render, values):
    objects = render(values)
    labels = {name: pod["metadata"]["labels"] for name, pod in pods(objects).items()}

    def selected(selector):
        return {name for name, own in labels.items() if selector.items() <= own.items()}

    for manifest in objects:
        name, spec = manifest["metadata"]["name"], manifest.get("spec", {})
        match manifest["kind"]:
            case "Service":
                assert selected(spec["selector"]) == {name}
            case "Deployment" | "PodDisruptionBudget":
                assert selected(spec["selector"]["matchLabels"]) == {name}
            case "NetworkPolicy":
                assert selected(spec["podSelector"]["matchLabels"]) == {name}
            case "HorizontalPodAutoscaler":
                assert spec["scaleTargetRef"]["name"] in labels


@every_scenario
def test_named_ports_volumes_and_objects_exist(render, values):
    objects = render(values)
    names = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in objects}
    ports = {name: {port["name"] for c in pod["spec"]["containers"] for port in c.get("ports", [])} for name, pod in pods(objects).items()}
    for manifest in objects:
        if manifest["kind"] == "Service":
            assert {port["targetPort"] for port in manifest["spec"]["ports"]} <= ports[manifest["metadata"]["name"]]
        if manifest["kind"] == "NetworkPolicy":
            assert {p["port"] for rule in manifest["spec"]["ingress"] for p in rule["ports"]} <= ports[manifest["metadata"]["name"]]
    for pod in pods(objects).values():
        spec = pod["spec"]
        volumes = {volume["name"] for volume in spec.get("volumes", [])}
        assert {mount["name"] for container in spec["containers"] for mount in container["volumeMounts"]} == volumes
        if account := spec.get("serviceAccountName"):
            assert ("ServiceAccount", account) in names
        for volume in spec["volumes"]:
            if "configMap" in volume and volume["configMap"]["name"] != "texts":  # the user's own volume
                assert ("ConfigMap", volume["configMap"]["name"]) in names


@every_scenario
def test_no_image_is_named_latest_or_without_a_version(render, values):
    for container in containers(render(values)):
        _, separator, version = container["image"].rpartition("@" if "@" in container["image"] else ":")
        assert separator
        assert version not in {"", "latest"}


@pytest.mark.parametrize("name", ["headrace", "h", "a" * 53])
def test_names_are_not_longer_than_kubernetes_allows(render, name):
    names = [manifest["metadata"]["name"] for manifest in render(name=name)]
    assert all(len(name) <= 63 for name in names)
    assert len({(manifest["kind"], manifest["metadata"]["name"]) for manifest in render(name=name)}) == len(names)
