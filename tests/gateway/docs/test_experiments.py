"""The blocks of gateway/docs/experiments.md."""

import json

from pages import blocks
from pasted import commands

from gateway.experiments import file
from gateway.routes.outcomes import OutcomesBody

[EXAMPLE] = blocks("gateway/docs/experiments.md", "yaml")
[POSTED] = blocks("gateway/docs/experiments.md", "sh")


def test_the_file_is_valid():
    [[experiment]] = file.parse(EXAMPLE).values()
    assert (experiment.model, experiment.coverage, [variant.weight for variant in experiment.variants]) == ("mail", 1.0, [0.9, 0.1])


def test_the_outcome_is_valid(tmp_path):
    [curl] = commands(POSTED, tmp_path)
    *_, url, option, body = curl.words
    assert (url, option) == ("localhost:8080/v1/outcomes", "-d")
    assert OutcomesBody.model_validate(json.loads(body)).outcomes[0].unit == "user-42"
