"""Reads Prometheus' text format. This is the one module that imports `prometheus_client`."""

from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

TOTAL = "_total"


class ExpositionError(ValueError):
    """The text is not in Prometheus' format."""


class Sample(NamedTuple):
    """One value of one metric."""

    labels: dict[str, str]
    value: float


Samples = dict[str, list[Sample]]
"""The values of each metric, by its name."""


def read_samples(text: str) -> Samples:
    """All values of a page of metrics.

    Raises:
        ExpositionError: it cannot be read.
    """
    samples: Samples = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                value = Sample(sample.labels, sample.value)
                samples.setdefault(sample.name, []).append(value)
                if family.type == "counter" and sample.name == f"{family.name}{TOTAL}":
                    # the library adds _total to counters that lack it, as Triton's do: they are
                    # found by either name
                    samples.setdefault(family.name, []).append(value)
    except (ValueError, KeyError) as exc:
        raise ExpositionError(f"not Prometheus' text format: {exc}") from exc
    return samples


def total(samples: Samples, name: str, **labels: str) -> float:
    """The sum of a metric's values that have these labels; 0 where there are none."""
    return sum(sample.value for sample in samples.get(name, ()) if labels.items() <= sample.labels.items())
