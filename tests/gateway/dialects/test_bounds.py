"""Every list and mapping of a body has a greatest length, and lists end at their first fault."""

import importlib
import pkgutil

import pytest
from pydantic import BaseModel, TypeAdapter

import gateway.dialects
import gateway.routes
from gateway.routes import admin_keys


def adapters():
    """All that reads bodies, by module and name."""
    for package in (gateway.dialects, gateway.routes):
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            module = importlib.import_module(found.name)
            for name, value in vars(module).items():
                if isinstance(value, TypeAdapter):
                    yield f"{found.name}.{name}", value
    for name, value in vars(admin_keys).items():
        if isinstance(value, type) and issubclass(value, BaseModel) and value.__module__ == admin_keys.__name__:
            yield f"admin_keys.{name}", TypeAdapter(value)


ADAPTERS = dict(adapters())
UNBOUNDED = ("set", "frozenset", "generator", "tuple", "json")
"""Kinds of values that nothing bounds, or whose bound is not looked at here."""


def nodes(schema):
    """All parts of a schema of pydantic's core."""
    if isinstance(schema, dict):
        if isinstance(schema.get("type"), str):
            yield schema
        for key, value in schema.items():
            if key not in ("metadata", "serialization"):
                yield from nodes(value)
    elif isinstance(schema, list | tuple):
        for value in schema:
            yield from nodes(value)


def unbounded(adapter):
    for node in nodes(adapter.core_schema):
        if node["type"] in UNBOUNDED or (node["type"] == "list" and not (node.get("max_length") and node.get("fail_fast"))):
            yield node
        if node["type"] == "dict" and not node.get("max_length"):
            yield node


def test_the_adapters_are_found():
    assert len(ADAPTERS) > 10


@pytest.mark.parametrize("name", ADAPTERS)
def test_every_list_and_mapping_of_a_body_is_bounded(name):
    assert list(unbounded(ADAPTERS[name])) == []
