"""The block of gateway/docs/experiments.md."""

from pages import blocks

from gateway.experiments import file

[EXAMPLE] = blocks("gateway/docs/experiments.md", "yaml")


def test_the_file_is_valid():
    [[experiment]] = file.parse(EXAMPLE).values()
    assert (experiment.model, experiment.coverage, [variant.weight for variant in experiment.variants]) == ("mail", 1.0, [0.9, 0.1])
