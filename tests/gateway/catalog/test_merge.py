from types import SimpleNamespace

from gateway.catalog.catalog import Catalog, ServedModel, ServedVersion
from gateway.catalog.merge import merged, routes, unready


def version(digest, ready=True):
    return ServedVersion(SimpleNamespace(digest=digest), ready)


def catalog(instances=2, promoted=None, batch=64, name="topics", config=None, **versions):
    by_number = {int(number.lstrip("v")): served for number, served in versions.items()}
    return Catalog({name: ServedModel(name, by_number, instances, batch, promoted, config)})


def test_a_version_is_ready_where_it_is_ready():
    both = {"a": catalog(v1=version("x"), v2=version("y", ready=False)), "b": catalog(v1=version("x"), v2=version("y"))}
    model = merged(both).model("topics")
    assert (model.is_ready(1), model.is_ready(2), model.instances) == (True, True, 4)
    assert routes(merged(both), both) == {"a": {("topics", 1, "x")}, "b": {("topics", 1, "x"), ("topics", 2, "y")}}


def test_what_was_placed_before_a_version_left_is_still_answered():
    leaving = ServedVersion(SimpleNamespace(digest="y"), ready=False, leaving=True)
    both = {"a": catalog(v1=version("x"), v2=leaving), "b": catalog(v1=version("x"), v2=version("y", ready=False))}
    assert not merged(both).model("topics").is_ready(2)
    assert routes(merged(both), both) == {"a": {("topics", 1, "x"), ("topics", 2, "y")}, "b": {("topics", 1, "x")}}
    assert routes(merged(both), {"a": unready(both["a"])}) == {"a": set()}


def test_models_and_versions_of_all_are_there():
    both = {"a": catalog(v1=version("x")), "b": catalog(v2=version("y")), "c": catalog(name="spam", v1=version("z"))}
    assert {name: list(model.versions) for name, model in merged(both).models.items()} == {"topics": [1, 2], "spam": [1]}


def test_of_two_packages_under_one_number_the_one_on_most_answers():
    three = {"a": catalog(v1=version("old")), "b": catalog(v1=version("new")), "c": catalog(v1=version("new"))}
    assert merged(three).model("topics").versions[1].manifest.digest == "new"
    assert routes(merged(three), three) == {"a": set(), "b": {("topics", 1, "new")}, "c": {("topics", 1, "new")}}
    half = {"a": catalog(v1=version("old")), "b": catalog(v1=version("new", ready=False))}
    assert merged(half).model("topics").versions[1].manifest.digest == "old"


def test_the_smallest_batch_and_the_promotion_of_most_count():
    three = {
        "a": catalog(promoted=1, batch=64, v1=version("x"), v2=version("y")),
        "b": catalog(promoted=2, batch=32, v1=version("x"), v2=version("y")),
        "c": catalog(promoted=1, v1=version("x"), v2=version("y")),
    }
    assert (merged(three).model("topics").promoted, merged(three).model("topics").max_batch_size) == (1, 32)


def test_the_configuration_is_that_of_the_newest_ready_version():
    three = {
        "a": catalog(config="old", v1=version("x")),
        "b": catalog(config="new", v1=version("x"), v2=version("y")),
        "c": catalog(config="not ready", v2=version("y", ready=False), v3=version("z", ready=False)),
    }
    assert merged(three).model("topics").config == "new"
    assert merged({"a": unready(three["a"])} | {"c": three["c"]}).model("topics").config is not None


def test_what_only_a_silent_one_has_served_is_known_and_not_ready():
    two = {"a": catalog(name="spam", v1=version("x")), "b": catalog(v1=version("y"))}
    both = merged({**two, "a": unready(two["a"])})
    assert ({name: model.is_ready(1) for name, model in both.models.items()}) == {"spam": False, "topics": True}
    assert both.model("spam").versions[1].manifest.digest == "x"
    assert routes(both, {**two, "a": unready(two["a"])}) == {"a": set(), "b": {("topics", 1, "y")}}


def test_of_a_silent_one_no_instance_counts():
    one, other = catalog(instances=2, v1=version("x")), catalog(instances=3, v1=version("x"))
    model = merged({"a": unready(one), "b": other}).model("topics")
    assert (model.is_ready(1), model.instances) == (True, 3)
