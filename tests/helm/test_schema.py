"""Wrong values stop the installation with a message that names them."""

import pytest
import yaml
from helm_python import HelmRenderError, HelmValuesError


def experiment(**changes):
    variants = [{"name": "control", "version": 1, "weight": 0.5}, {"name": "treatment", "version": 2, "weight": 0.5}]
    return {"key": "a", "model": "m", "variants": variants} | changes


def weighted(*weights):
    return experiment(variants=[{"name": f"v{n}", "version": n, "weight": weight} for n, weight in enumerate(weights, start=1)])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"gateway": {"replicas": "two"}}, "/gateway/replicas.*got string, want integer"),
        ({"gateway": {"replicas": -1}}, "/gateway/replicas.*minimum"),
        ({"gateway": {"replica": 2}}, "'replica' not allowed"),
        ({"gatway": {}}, "'gatway' not allowed"),
        ({"gateway": {"image": {"tag": "latest"}}}, "/gateway/image/tag"),
        ({"gateway": {"settings": {"cache_tll_s": 1}}}, "'cache_tll_s' not allowed"),
        ({"gateway": {"auth": "none"}}, "/gateway/auth"),
        ({"gateway": {"settings": {"port": 80}}}, "'port' not allowed"),
        ({"gateway": {"settings": {"log_level": "loud"}}}, "/gateway/settings/log_level"),
        ({"gateway": {"resources": {"limits": {"memory": "much"}}}}, "/gateway/resources/limits/memory"),
        ({"gateway": {"ingress": {"hosts": [{"host": "a", "paths": [{"path": "v1", "pathType": "Prefix"}]}]}}}, "paths/0/path"),
        ({"gateway": {"podDisruptionBudget": {"maxUnavailable": 0}}}, "maxUnavailable"),
        ({"triton": {"externalUrl": "http://triton:8000"}}, "/triton/externalUrl"),
        ({"triton": {"gpu": {"count": 0}}}, "/triton/gpu/count"),
        ({"triton": {"modelRepository": {"url": "https://models"}}}, "/triton/modelRepository/url"),
        ({"triton": {"strategy": {"type": "Sometimes"}}}, "/triton/strategy/type"),
        ({"valkey": {"maxMemory": "256"}}, "/valkey/maxMemory"),
        ({"cache": {"url": "memcached://cache"}}, "/cache/url"),
        ({"experiments": [{"key": "a", "model": "m"}]}, "missing property 'variants'"),
        ({"experiments": [experiment(variants=[{"name": "only", "version": 1, "weight": 1}])]}, "/experiments/0/variants"),
        ({"experiments": [experiment(split=1)]}, "'split' not allowed"),
        ({"experiments": [weighted(1.5, -0.5)]}, "/experiments/0/variants/0/weight"),
    ],
)
def test_the_schema_refuses_wrong_values(chart, values, message):
    with pytest.raises(HelmValuesError, match=message):
        chart.validate_schema(values)
    with pytest.raises((HelmValuesError, HelmRenderError), match=message):
        chart.render(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"experiments": [weighted(0.5, 0.4)]}, "experiments: a: the weights add up to 0.9; they must add up to 1"),
        ({"experiments": [weighted(0.6, 0.6)]}, "experiments: a: the weights add up to 1.2"),
        ({"experiments": [experiment(), experiment(model="other")]}, "experiments: a: more than one experiment with this key"),
        (
            {"experiments": [{"key": "b", "variants": experiment()["variants"]}]},
            "experiments: b: it or its first variant must name a model",
        ),
        ({"experiments": [experiment(variants=experiment()["variants"][:1] * 2)]}, "two variants are named control"),
        ({"triton": {"enabled": False}}, "triton.externalUrl: say where Triton is"),
        ({"triton": {"externalUrl": "triton:8001"}}, "set triton.enabled to false"),
        ({"cache": {"url": "redis://cache:6379"}}, "set valkey.enabled to false"),
        ({"gateway": {"apiKeys": {"existingSecret": ""}}}, "gateway.auth asks for keys and there can be none"),
        ({"triton": {"modelRepository": {"url": "s3://b/m", "existingClaim": "c"}}}, "a url or an existingClaim, not both"),
    ],
)
def test_contradicting_values_stop_the_installation_with_a_sentence(chart, values, message):
    with pytest.raises(HelmRenderError, match=message):
        chart.render(values)


@pytest.mark.parametrize("weights", [(0.1, 0.2, 0.7), (1 / 3, 1 / 3, 1 / 3), (0.0, 1.0), (0.3333333, 0.3333333, 0.3333334)])
def test_weights_that_add_up_to_one_except_for_rounding_are_accepted(find, weights):
    text = find("ConfigMap", "gateway", {"experiments": [weighted(*weights)]})["data"]["experiments.yaml"]
    (read,) = yaml.safe_load(text)["experiments"]
    assert tuple(variant["weight"] for variant in read["variants"]) == weights


def test_the_schema_knows_every_default(chart):
    def unknown(values, schema, path=""):
        schema = chart.schema["$defs"][schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
        if not isinstance(values, dict) or "properties" not in schema:
            return
        assert schema["additionalProperties"] is False, path
        for key, value in values.items():
            assert key in schema["properties"], f"{path}/{key}"
            unknown(value, schema["properties"][key], f"{path}/{key}")

    unknown(chart.values, chart.schema)
