"""The load generator's dialects against the registry of tasks.

The gateway and the backend understand what a dialect writes, for the tasks that it is for.
"""

import json

import pytest
from headrace_backend import parameters
from headrace_backend.errors import TextError
from headrace_backend.items import Query
from headrace_backend.tasks import task_of as backend_task_of
from headrace_backend.tasks.task import require_pair

from gateway.dialects import kserve_v1, openai, tei
from gateway.dialects.open_inference import http_body, tensors
from gateway.errors import InvalidRequest, MalformedRequest
from gateway.fakes.manifests import make_manifest
from gateway.request.json_limits import JsonLimits
from gateway.tasks import task_of
from loadtest.workload.dialects import BY_NAME
from loadtest.workload.workload import DIALECTS, Target
from model_repository.tasks import TASK_BY_USE, TASKS

MAX_BYTES = 1000
READ = {
    "kserve-v1": lambda raw, version: [
        item for items in kserve_v1.items(kserve_v1.parse(raw), version.task, task_of(version), MAX_BYTES) for item in items
    ],
    "open-inference": lambda raw, version: tensors.items(
        http_body.parse(raw, None, JsonLimits(max_depth=8, max_values=1000)).inputs, version, max_items=8, max_text_bytes=MAX_BYTES
    ),
    "openai": lambda raw, version: openai.ask_embeddings(openai.parse_embeddings(raw), version, MAX_BYTES).items,
    "tei-embed": lambda raw, version: tei.ask_embed(raw, version, MAX_BYTES).items,
    "tei-rerank": lambda raw, version: tei.ask_rerank(raw, version, MAX_BYTES).items,
    "tei-predict": lambda raw, version: tei.ask_predict(raw, version, MAX_BYTES).items,
}
"""How the gateway reads each dialect."""


def is_understood(raw, dialect, version):
    """Whether the gateway makes items of a body, and the backend queries of the items."""
    task = backend_task_of(version.model_dump())
    try:
        for item in READ[dialect](raw, version):
            require_pair(task, item.text_pair)
            task.queries(Query(item.text.decode(), None), parameters.read(item.parameters, task.parameters))
    except (InvalidRequest, MalformedRequest, TextError):
        return False
    return True


def is_asked_by_a_text_alone(version):
    task = backend_task_of(version.model_dump())
    return not task.pair and None not in task.parameters.values()


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_dialect_is_understood_by_models_of_the_tasks_that_it_is_for_and_no_others(dialect, task):
    spoken, version = BY_NAME[dialect], make_manifest("tiny", task=task)
    raw = spoken.body(Target("tiny"), [b'"opec cut output"', b'"rates fell"'])
    expected = is_asked_by_a_text_alone(version) if spoken.use is None else TASKS[task].use == spoken.use
    assert is_understood(raw, dialect, version) == expected


def test_the_cache_is_warmed_with_what_a_dialect_asks_for():
    for name, dialect in BY_NAME.items():
        use = dialect.use or "predict"
        version = make_manifest("tiny", task=TASK_BY_USE[use])
        asked = READ[name](dialect.body(Target("tiny"), [b'"opec cut output"', b'"rates fell"']), version)
        warmed = json.dumps({"instances": [dialect.instance(text) for text in ("opec cut output", "rates fell")]}).encode()
        assert asked == READ["kserve-v1"](warmed, version), name


def test_dialects_name_uses_of_the_registry():
    assert set(BY_NAME) == set(DIALECTS) == set(READ)
    assert {dialect.use for dialect in BY_NAME.values()} - {None} <= set(TASK_BY_USE)
