"""The registry of tasks: each has a row, and a file in each program; nothing else knows it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from headrace_backend.tasks import fit_of
from headrace_backend.tasks import task_of as backend_task_of

from export.tasks import TASKS as EXPORT_TASKS
from gateway.fakes.manifests import make_manifest
from gateway.request.row import cut_at, width_of
from gateway.tasks import SERVED_TASKS, task_of
from model_repository.task_files import TaskFileError, task_module
from model_repository.tasks import ROWS, TASK_BY_USE, TASKS
from model_repository.tensors import ANSWER

ROOT = Path(__file__).parents[2]
PROGRAMS = ("model_repository", "export", "gateway", "loadtest")
FILES_OF_TASKS = ("model_repository/backend/headrace_backend/tasks", "export/tasks", "gateway/tasks")
REGISTRY = "model_repository/tasks.py"
NAMED_ELSEWHERE = {
    "export/checkpoints/adapter_folder.py": "the heads of transformers' classes, which PEFT names otherwise",
    "model_repository/postprocessing.py": "the classes of settings, each of which a row names",
    "model_repository/manifest.py": "the settings of manifests from before tasks had settings",
    "export/tasks/module_settings.py": "what sentence-transformers calls the work of its transformer",
    "export/tasks/sentence_transformer.py": "which task a checkpoint is for that sentence-transformers saved",
    "gateway/dialects/cohere_embed.py": "the paths of a use",
    "gateway/dialects/embedding_options.py": "what the paths of a use may ask for",
    "gateway/dialects/hugging_face_bodies.py": "the bodies of each form",
    "gateway/dialects/hugging_face.py": "Hugging Face asks by task; a task without a form here is refused with a sentence",
    "gateway/dialects/openai.py": "the paths of a use: they read the answers of the one task that has it",
    "gateway/dialects/rerank.py": "the paths of a use",
    "gateway/dialects/tei.py": "the paths of three uses",
    "gateway/fakes/manifests.py": "the task of a fake version that is asked for none",
    "gateway/fakes/predictions.py": "made-up answers that look right; those of a task without any here are numbers",
    "gateway/routes/cohere.py": "what OpenAPI says of the paths of a use",
    "gateway/routes/openai.py": "what OpenAPI says of the paths of two uses",
}
"""Modules that name a task though they are neither the registry nor a task's own file, with the
reason."""


def module_name(task):
    return task.replace("-", "_")


def class_name(task):
    return "".join(word.capitalize() for word in task.split("-"))


def test_names_are_words_joined_by_hyphens_and_stand_once():
    assert len(TASKS) == len(ROWS)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in TASKS)


def test_each_use_is_of_one_task():
    assert sorted(TASK_BY_USE) == sorted(row.use for row in ROWS if row.use is not None)


@pytest.mark.parametrize("folder", FILES_OF_TASKS)
def test_a_program_has_the_file_of_each_task_and_of_no_other(folder):
    found = {path.stem for path in (ROOT / folder).glob("*.py") if re.search(r"^TASK\b", path.read_text(), re.MULTILINE)}
    wanted = set(map(module_name, TASKS))
    assert found == wanted, f"write {', '.join(f'{folder}/{name}.py' for name in wanted - found)}; no row: {found - wanted}"


def test_a_file_that_is_missing_is_named():
    with pytest.raises(TaskFileError, match=r"^gateway/tasks/palm_reading\.py is missing: the task palm-reading has a row"):
        task_module("gateway.tasks", "palm-reading")


def test_what_a_tasks_file_lacks_is_told_as_it_is(tmp_path, monkeypatch):
    package = tmp_path / "program_of_the_test"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "palm_reading.py").write_text("import crystal_ball_of_the_test\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="crystal_ball_of_the_test"):
        task_module("program_of_the_test", "palm-reading")


def test_nothing_else_names_a_task():
    own = {f"{folder}/{module_name(name)}.py" for folder in FILES_OF_TASKS for name in TASKS}
    spellings = "|".join(spelling for name in TASKS for spelling in (name, module_name(name), class_name(name)))
    naming = {
        str(path.relative_to(ROOT))
        for program in PROGRAMS
        for path in (ROOT / program).rglob("*.py")
        if re.search(rf"(?<![a-z])({spellings})(?![a-z])", path.read_text())
    }
    assert naming - own - {REGISTRY} == set(NAMED_ELSEWHERE)


@pytest.mark.parametrize("page", ["gateway/docs/dialects.md", "export/README.md"])
def test_the_tables_of_the_docs_have_all_tasks(page):
    rows = re.findall(r"^\| `?([a-z-]+)`? \|", (ROOT / page).read_text(), re.MULTILINE)
    assert set(TASKS) <= set(rows)


@pytest.mark.parametrize(
    ("name", "changed"), [*((name, {}) for name in TASKS), *((row.name, {"text_pair": True}) for row in ROWS if callable(row.pair))]
)
def test_the_programs_take_a_task_as_its_row_says(name, changed):
    row = TASKS[name]
    version = make_manifest("tiny", task=name, postprocessing=row.example.model_copy(update=changed))
    backend, tensors = backend_task_of(version.model_dump()), version.tensors
    assert (row.width is None) == tensors.is_json == (tensors.output == ANSWER)
    assert backend.widths == ({} if tensors.is_json else {tensors.output: width_of(version)})
    assert backend.pair == row.takes_pairs(version.postprocessing)
    assert bool(backend.parameters) == row.parameters
    assert (fit_of(version.model_dump(), backend).stride is not None) == row.windowed == (cut_at(version) is None)
    assert EXPORT_TASKS[name].name == name
    assert set(backend.graph_outputs) == set(EXPORT_TASKS[name].outputs)
    if row.parameters:  # what a client may say reaches the backend, and the backend knows it
        assert set(task_of(version).parameters.model_fields) - {"top_k"} == set(backend.parameters) - {"top_k"}


def test_a_parameter_that_several_tasks_take_is_the_same_in_all():
    fields = {}
    for task in SERVED_TASKS.values():
        for name, field in task.parameters.model_fields.items():
            assert repr(fields.setdefault(name, field)) == repr(field)


ROW = """\
    TaskRow(name="keyword-extraction", settings=Postprocessing, example=Postprocessing(), parameters=True),
)

TASKS:"""
BACKEND = '''\
"""Keyword extraction: the words of a text that say most."""

from headrace_backend.tasks.task import Task


class KeywordExtraction(Task):
    """A made-up task."""

    parameters = {"keywords": 2}

    def __init__(self, manifest):
        """A task without settings."""

    def finish(self, fetched, windows):
        """The logits."""
        return fetched[0]

    def answer(self, query, parameters, results):
        """The longest words."""
        return sorted(query.text.split(), key=len, reverse=True)[: parameters["keywords"]]


TASK = KeywordExtraction
'''
EXPORT = '''\
"""Keyword extraction."""

from export.evaluation.assessment import Assessment, same_by
from export.tasks.task import Task
from headrace_backend.items import Item
from model_repository.postprocessing import Postprocessing

WORDS = Assessment(lambda dataset, names: [], {}, same_by(list))

TASK = Task(
    name="keyword-extraction",
    optimum_task="token-classification",
    auto_model="AutoModelForTokenClassification",
    outputs={"logits": 3},
    postprocessing=lambda loaded: Postprocessing(),
    items=lambda dataset, answering: [Item(text.encode()) for text in dataset.column("text").strings()],
    assessment=lambda dataset, answering: WORDS,
    metrics=(),
    reference=lambda libraries: lambda item: [],
    probabilities=lambda answering: False,
)
'''
GATEWAY = '''\
"""Keyword extraction."""

from pydantic import Field

from gateway.request.json_types import Positive, Strict
from gateway.tasks.instance import Text
from gateway.tasks.json_answers import answer_of, item_of


class Parameters(Strict):
    """How many words."""

    keywords: Positive | None = Field(None, description="keyword-extraction: how many")


class KeywordExtraction:
    """A prediction is a list of words."""

    instance = Text
    parameters = Parameters
    answers = "a list of words"

    def items(self, instance, parameters):
        """The text."""
        return [item_of(instance, parameters)]

    def prediction(self, manifest, rows, parameters):
        """The words."""
        return answer_of(rows)


TASK = KeywordExtraction()
'''
SCRIPT = """\
import asyncio
import json
from pathlib import Path

import httpx
from headrace_backend import parameters
from headrace_backend.items import Query
from headrace_backend.tasks import task_of as backend_task_of

import gateway
from export.recipe.recipe import Recipe
from export.tasks import TASKS as EXPORT_TASKS
from gateway.app import create_app
from gateway.fakes.manifests import make_manifest
from gateway.fakes.triton import FakeTriton
from gateway.settings.settings import Settings
from loadtest.workload.dialects import BY_NAME, fault_in
from loadtest.workload.server import HEADRACE
from loadtest.workload.workload import Target
from model_repository import config

NAME = "keyword-extraction"
WORDS = {"instances": ["opec cut output"], "parameters": {"keywords": 1}}
assert Path(gateway.__file__).parents[1] == Path.cwd()

# the contract: manifest and config.pbtxt
version = make_manifest("words", task=NAME)
assert type(version).parse(version.to_json(), "here") == version
written = config.updated(None, {1: version})
assert [(tensor.name, tensor.optional) for tensor in written.input] == [("TEXT", False), ("PARAMETERS", True)]
assert [tensor.name for tensor in written.output] == ["ANSWER", "TOKENS", "ERROR", "DIGEST"]

# a recipe can ask for it, and the export knows it
fields = {"model": "words", "version": 1, "checkpoint": "c", "max_length": 16, "evaluation": {"data": "d", "max_drop": 0}}
assert EXPORT_TASKS[Recipe.model_validate({**fields, "task": NAME}).task].outputs == {"logits": 3}


# the backend answers, and the gateway asks it
def predict(manifest, item):
    task = backend_task_of(json.loads(manifest.to_json()))
    return task.answer(Query(item.text.decode(), None), parameters.read(item.parameters, task.parameters), [])


async def ask():
    application = create_app(Settings(auth=frozenset()), triton=FakeTriton(version, predict=predict))
    async with application.api.router.lifespan_context(application.api):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://gateway") as client:
            await ask_in_all_dialects(client)


async def ask_in_all_dialects(client):
    answer = await client.post("/v1/models/words:predict", json=WORDS)
    assert answer.json() == {"predictions": [["output"]]}, answer.text
    two = await client.post("/v1/models/words:predict", json=WORDS | {"parameters": {"keywords": 2}})
    assert two.json() == {"predictions": [["output", "opec"]]}, two.text
    line = await client.post("/v1/models/words:predictStream", content='"opec cut output"')
    assert line.json() == {"line": 1, "prediction": ["output", "opec"]}, line.text

    described = (await client.get("/v2/models/words")).json()
    assert [tensor["name"] for tensor in described["inputs"]] == ["TEXT", "PARAMETERS"]
    for name in ("kserve-v1", "open-inference"):
        dialect = BY_NAME[name]
        sent = dialect.body(Target("words"), [b'"opec cut output"'])
        answer = await client.post(dialect.path(Target("words"), HEADRACE), content=sent)
        assert fault_in(dialect, answer.content, 1) == "", answer.text
    outputs = {output["name"]: output["data"] for output in answer.json()["outputs"]}
    assert [json.loads(value) for value in outputs["ANSWER"]] == [["output", "opec"]]

    refused = await client.post("/models/words", json={"inputs": "opec cut output"})
    assert refused.status_code == 422
    assert refused.json()["error"] == f"this path has no form for {NAME}; ask at /v1/models/words:predict"
    refused = await client.post("/models/words/embed", json={"inputs": "opec cut output"})
    assert refused.json()["error"].startswith(f"model words is for {NAME}; this path needs one for ")
    assert (await client.get("/models/words/info")).json()["model_type"] == {"keyword_extraction": {}}

    document = (await client.get("/openapi.json")).json()
    content = document["paths"]["/v1/models/{model}:predict"]["post"]["requestBody"]["content"]
    taken, _ = content["application/json"]["schema"]["properties"]["parameters"]["anyOf"]  # or null
    assert "keywords" in taken["properties"]
    schemas = document["components"]["schemas"]
    assert "keyword-extraction: a list of words." in schemas["PredictResponse"]["description"].replace("\\n", " ")
    assert NAME in schemas["Version"]["properties"]["task"]["enum"]


asyncio.run(ask())
"""


@pytest.fixture
def programs(tmp_path):
    """The programs with a seventh task: a row, and a file in each program with files of tasks."""
    for program in PROGRAMS:
        ignored = shutil.ignore_patterns("__pycache__", "models", "*.safetensors")
        shutil.copytree(ROOT / program, tmp_path / program, ignore=ignored)
    registry = tmp_path / REGISTRY
    rows = registry.read_text()
    assert rows.count(")\n\nTASKS:") == 1
    registry.write_text(rows.replace(")\n\nTASKS:", ROW))
    for folder, text in zip(FILES_OF_TASKS, (BACKEND, EXPORT, GATEWAY), strict=True):
        (tmp_path / folder / "keyword_extraction.py").write_text(text)
    return tmp_path


def run(programs, script):
    path = os.pathsep.join(map(str, (programs, programs / "model_repository/backend")))
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "HEADRACE_AUTH": "off", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([sys.executable, "-c", script], cwd=programs, env=environment, capture_output=True, text=True, timeout=120)


def test_a_task_is_added_by_a_row_and_a_file_in_each_program(programs):
    done = run(programs, SCRIPT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("program", ["export", "gateway"])
def test_a_program_without_the_tasks_file_says_which_to_write(programs, program):
    (programs / program / "tasks/keyword_extraction.py").unlink()
    done = run(programs, f"import {program}.tasks")
    assert f"{program}/tasks/keyword_extraction.py is missing: the task keyword-extraction has a row" in done.stderr
