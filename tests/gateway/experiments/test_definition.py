"""The one model of a definition: what it takes, what it refuses, and with which sentence."""

import json
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.experiments.definition import Definition, DefinitionError, read

VARIANTS = [
    {"name": "control", "model": "topics", "version": 1, "weight": 0.5},
    {"name": "treatment", "model": "topics", "version": 2, "weight": 0.5},
]
CLICK = {"name": "click", "kind": "binary", "source": "feedback", "direction": "increase", "goal": True, "window": "24h"}
ERRORS = {"name": "errors", "kind": "binary", "source": "request", "direction": "decrease", "goal": False, "margin": 0.01}
WHOLE = {
    "key": "topics-lora",
    "description": "a larger fine-tune",
    "owner": "search",
    "variants": VARIANTS,
    "coverage": 0.2,
    "condition": {"country": {"$in": ["de", "at"]}},
    "namespace": {"name": "topics", "range": [0, 0.5]},
    "unit_attribute": "company",
    "forced_variants": {"qa-1": "treatment"},
    "seed": "s",
    "cache_bypass": 0.05,
    "metrics": [CLICK, ERRORS, {"name": "revenue", "kind": "mean", "cap": 100, "covariate": "revenue-before"}],
    "ramp": {"steps": [{"coverage": 0.01, "minimum_units": 1000, "minimum_duration": "10m"}, {"coverage": 0.2, "approval": True}]},
    "planned_units": 20_000,
}


def changed(**fields):
    return WHOLE | fields


def variant(number=1, **fields):
    return [one | fields if i == number else one for i, one in enumerate(VARIANTS)]


def test_a_whole_definition_is_read():
    found = read(WHOLE)
    assert (found.asked_model, found.model_of(found.variants[1])) == ("topics", "topics")
    assert ([metric.name for metric in found.goals], [metric.name for metric in found.guardrails]) == (["click", "revenue"], ["errors"])
    assert (found.metrics[0].window, found.ramp.steps[0].minimum_duration) == (86_400, 600)


def test_json_yaml_and_the_definitions_own_document_are_one():
    found = read(WHOLE)
    assert read(json.loads(json.dumps(WHOLE))) == read(yaml.safe_load(yaml.safe_dump(WHOLE))) == found
    assert read(json.loads(json.dumps(found.document()))) == found


def test_what_is_left_out_has_a_default():
    found = read({"key": "e", "variants": VARIANTS})
    assert (found.coverage, found.cache_bypass, found.unit_attribute, found.seed) == (1, 0, "id", None)
    assert (found.metrics, found.forced_variants, found.ramp, found.condition, found.namespace) == ([], {}, None, None, None)


def test_a_variant_is_of_the_experiments_model_unless_it_names_another():
    named = [{"name": "a", "version": 1, "weight": 1}, {"name": "b", "model": "large", "version": 1}]
    found = read({"key": "e", "model": "topics", "variants": named})
    assert [found.model_of(one) for one in found.variants] == ["topics", "large"]


def test_growthbooks_form_of_a_namespace_is_read():
    assert read(changed(namespace=["topics", 0, 0.5])) == read(WHOLE)


def test_a_whole_number_may_be_written_with_an_exponent():
    assert read(yaml.safe_load("{planned_units: 1.0e+6, coverage: 1}") | {"key": "e", "variants": VARIANTS}).planned_units == 1_000_000


@pytest.mark.parametrize(("given", "share"), [(True, 1), (False, 0), (0.25, 0.25)])
def test_a_variant_shadows_all_requests_or_a_share(given, share):
    assert read(changed(variants=variant(shadow=given))).variants[1].shadow == share


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([], "Input should be a valid dictionary"),
        ({"variants": VARIANTS}, "key: Field required"),
        (changed(key="a key"), "key: String should match pattern"),
        (changed(status="running"), "status: there is no such field"),
        (changed(variants=variant(wieght=1)), "variants.1.wieght: there is no such field; weight is one"),
        (changed(variants=VARIANTS[:1]), "variants: List should have at least 2 items"),
        (changed(variants=variant(weight=0.4)), "variants: the weights add up to 0.9; they must add up to 1"),
        (changed(variants=variant(weight="0.5")), "variants.1.weight: Input should be a valid number"),
        (changed(variants=variant(version=0)), "variants.1.version: Input should be greater than or equal to 1"),
        (changed(variants=variant(version=True)), "variants.1.version: Input should be a valid integer"),
        (changed(variants=variant(name="control")), "variants: the variants' names must differ: control, control"),
        (changed(variants=variant(0, model=None)), "model: must be given here or in the first variant"),
        (changed(variants=variant(shadow=1.5)), "variants.1.shadow: Input should be less than or equal to 1"),
        (changed(coverage=float("nan")), "coverage: Input should be"),
        (changed(condition=["a"]), "condition: Input should be a valid dictionary"),
        (changed(condition={"a": {"$eqq": 1}}), "condition.a.$eqq: there is no such operator here"),
        (changed(condition={"a": float("nan")}), "condition: must hold finite numbers only"),
        (changed(condition={"a": "x" * 20_000}), "condition: must be at most 16384 characters of JSON"),
        (changed(namespace={"name": "n", "range": [0.5, 0.5]}), "namespace: the range must begin before it ends"),
        (changed(namespace=["n", 0]), "namespace: Input should be a valid dictionary"),
        (changed(forced_variants={"bob": "other"}), "forced_variants: there is no variant other; there are control, treatment"),
        (changed(forced_variants={"u" * 257: "control"}), "forced_variants"),
        (changed(forced_variants={str(i): "control" for i in range(1001)}), "forced_variants: Dictionary should have at most 1000 items"),
        (changed(metrics=[CLICK | {"kind": "median"}]), "metrics.0.kind: Input should be 'binary', 'mean', 'ratio' or"),
        (changed(metrics=[CLICK, CLICK]), "metrics: the metrics' names must differ: click, click"),
        (changed(metrics=[CLICK | {"window": "a day"}]), "metrics.0.window: must be a number of seconds, or a text such as"),
        (changed(metrics=[CLICK | {"window": "91d"}]), "metrics.0.window: Input should be less than or equal to"),
        (changed(metrics=[CLICK | {"threshold": 1}]), "metrics.0.threshold: the kind binary has none"),
        (changed(metrics=[CLICK | {"kind": "share-over-threshold"}]), "metrics.0.threshold: must be given"),
        (changed(metrics=[CLICK | {"denominator": "visits"}]), "metrics.0.denominator: the kind binary has none"),
        (changed(metrics=[CLICK | {"margin": -1}]), "metrics.0.margin: Input should be greater than or equal to 0"),
        (changed(metrics=[CLICK | {"cap": float("inf")}]), "metrics.0.cap: Input should be a finite number"),
        (changed(metrics=[CLICK | {"name": f"m{i}"} for i in range(51)]), "metrics: List should have at most 50 items"),
        (changed(ramp={"steps": []}), "ramp.steps: List should have at least 1 item"),
        (changed(ramp={"steps": [{"coverage": 0.5}, {"coverage": 0.5}]}), "ramp.steps: the coverage must rise with each step"),
        (changed(ramp={"steps": [{"coverage": 0}]}), "ramp.steps.0.coverage: Input should be greater than 0"),
        (changed(planned_units=0), "planned_units: Input should be greater than or equal to 1"),
        (changed(bandit={"metric": "click"}), "bandit: it moves weights and a ramp moves coverage"),
        (changed(ramp=None, bandit={"metric": "errors"}), "bandit.metric: must be a goal of kind binary: click"),
        (changed(ramp=None, bandit={"metric": "click", "floor": 0.6}), "bandit.floor: 2 variants cannot have 0.6 each"),
        (changed(description="x" * 2001), "description: String should have at most 2000 characters"),
    ],
)
def test_a_fault_is_named_with_its_field(given, sentence):
    with pytest.raises(DefinitionError) as refused:
        read(given)
    assert sentence in str(refused.value)


def test_each_fault_is_named():
    with pytest.raises(DefinitionError, match=r"coverage: .*; cache_bypass: "):
        read(changed(coverage=2, cache_bypass=-1))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(Definition.model_fields)), values))
def test_any_value_of_a_field_is_read_or_refused(fields):
    with suppress(DefinitionError):
        found = read(WHOLE | fields)
        assert read(found.document()) == found
