from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm_python import Chart

CHART = Path(__file__).parents[2] / "helm" / "headrace"
Manifest = dict[str, Any]
Render = Callable[..., list[Manifest]]


@pytest.fixture(scope="session")
def chart() -> Iterator[Chart]:
    with Chart.load(CHART) as chart:
        yield chart


@pytest.fixture(scope="session")
def render(chart: Chart) -> Render:
    """Renders the chart with Helm's own library, and returns the objects."""

    def objects(values: Manifest | None = None, name: str = "demo") -> list[Manifest]:
        files = chart.render(values, name=name, namespace="prod")
        documents = (yaml.safe_load_all(text) for path, text in files.items() if path.endswith(".yaml"))
        return [manifest for document in documents for manifest in document if manifest is not None]

    return objects


@pytest.fixture(scope="session")
def find(render: Render) -> Callable[..., Manifest]:
    """Finds the one object of a kind that a component has with given values."""

    def one(kind: str, component: str, values: Manifest | None = None) -> Manifest:
        found = [
            manifest
            for manifest in render(values)
            if manifest["kind"] == kind and manifest["metadata"]["labels"]["app.kubernetes.io/component"] == component
        ]
        (manifest,) = found
        return manifest

    return one
