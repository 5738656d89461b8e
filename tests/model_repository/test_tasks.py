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
from task_manifests import manifest_of

from export.tasks import TASKS as EXPORT_TASKS
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
    "model_repository/postprocessing.py": "the classes of settings, each of which a row names",
    "model_repository/manifest.py": "the settings of manifests from before tasks had settings",
    "gateway/dialects/hugging_face.py": "Hugging Face asks by task; a task without a form here is refused with a sentence",
    "gateway/dialects/openai.py": "the paths of a use: they read the answers of the one task that has it",
    "gateway/dialects/rerank.py": "the paths of a use",
    "gateway/dialects/tei.py": "the paths of three uses",
    "gateway/routes/openai.py": "what OpenAPI says of the paths of two uses",
}
"""Modules that name a task though they are neither the registry nor a task's own file, with the reason."""


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
    ("name", "settings"), [*((name, {}) for name in TASKS), *((row.name, {"text_pair": True}) for row in ROWS if callable(row.pair))]
)
def test_the_programs_take_a_task_as_its_row_says(name, settings):
    row, version = TASKS[name], manifest_of(name, **settings)
    backend, tensors = backend_task_of(version.model_dump()), version.tensors
    assert (row.width is None) == tensors.is_json == (tensors.output == ANSWER)
    assert backend.widths == ({} if tensors.is_json else {tensors.output: width_of(version)})
    assert backend.pair == row.takes_pairs(version.postprocessing)
    assert bool(backend.parameters) == row.parameters
    assert (fit_of(version.model_dump(), backend).stride is not None) == row.windowed == (cut_at(version) is None)
    assert EXPORT_TASKS[name].name == name
    assert set(backend.graph_outputs) == set(EXPORT_TASKS[name].outputs)
    if row.parameters:  # what a client may say reaches the backend, and the backend knows it
        assert set(task_of(version).parameters.model_fields) == set(backend.parameters)


def test_a_parameter_that_several_tasks_take_is_the_same_in_all():
    fields = {}
    for task in SERVED_TASKS.values():
        for name, field in task.parameters.model_fields.items():
            assert repr(fields.setdefault(name, field)) == repr(field)


ROW = """\
    TaskRow(name="keyword-extraction", settings=Postprocessing, parameters=True),
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
    probabilities=False,
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
import json
from pathlib import Path

import pytest
from headrace_backend.items import Query
from headrace_backend.tasks import task_of as backend_task_of

import gateway
from export.recipe.recipe import Recipe
from export.tasks import TASKS as EXPORT_TASKS
from gateway.app import create_app
from gateway.dialects import hugging_face, kserve_v1
from gateway.dialects.open_inference import http_body, tensors
from gateway.dialects.open_inference.tensors import outputs, outputs_of
from gateway.errors import InvalidRequest
from gateway.request.prediction import Item, Prediction
from gateway.tasks import task_of
from gateway.triton.binary_tensors import read_rows, write_request
from loadtest.workload.dialects import BY_NAME
from loadtest.workload.workload import Target
from model_repository import config
from task_manifests import manifest_of

assert Path(gateway.__file__).parents[1] == Path.cwd()
NAME, WORDS = "keyword-extraction", b'["output","opec"]'

# the contract: manifest, config.pbtxt
version = type(manifest_of(NAME)).parse(manifest_of(NAME).to_json(), "here")
written = config.updated(None, {1: version})
assert [(tensor.name, tensor.optional) for tensor in written.input] == [("TEXT", False), ("PARAMETERS", True)]
assert [tensor.name for tensor in written.output] == ["ANSWER", "TOKENS", "ERROR"]

# the backend answers
backend = backend_task_of(json.loads(version.to_json()))
assert backend.answer(Query("opec cut output", None), {"keywords": 1}, []) == ["output"]

# a recipe can ask for it, and the export knows it
fields = {"model": "words", "version": 1, "checkpoint": "c", "max_length": 16, "evaluation": {"data": "d", "max_drop": 0}}
assert EXPORT_TASKS[Recipe.model_validate({**fields, "task": NAME}).task].outputs == {"logits": 3}

# KServe v1, from what a load test's user sends to the rows of Triton's answer
raw = BY_NAME["kserve-v1"].body(Target("tiny"), [b'"opec cut output"'])
assert kserve_v1.items(kserve_v1.parse(raw), NAME, task_of(version), 99) == [[Item(b"opec cut output")]]
body = kserve_v1.parse(b'{"instances": ["opec cut output"], "parameters": {"keywords": 2}}')
[[item]] = kserve_v1.items(body, NAME, task_of(version), 99)
assert item == Item(b"opec cut output", None, b'{"keywords":2}')
length, sent = write_request(version, [item], {})
assert [tensor["name"] for tensor in json.loads(sent[:length])["inputs"]] == ["TEXT", "PARAMETERS"]
contents = [("ANSWER", len(WORDS).to_bytes(4, "little") + WORDS), ("TOKENS", bytes([5, 0, 0, 0])), ("ERROR", bytes(4))]
header = json.dumps({"outputs": [{"name": name, "parameters": {"binary_data_size": len(raw)}} for name, raw in contents]}).encode()
rows = read_rows(version, 1, len(header), header + b"".join(raw for _, raw in contents))
prediction = Prediction(version, rows)
assert kserve_v1.render(prediction, task_of(version), {"keywords": 2}, [1]) == b'{"predictions":[%b]}' % WORDS

# the Open Inference Protocol
inputs = http_body.parse(BY_NAME["open-inference"].body(Target("tiny"), [b'"opec cut output"']), None, 8).inputs
assert tensors.items(inputs, version, max_items=8, max_text_bytes=99) == [Item(b"opec cut output")]
assert [output.name for output in outputs(prediction, outputs_of([], version))] == ["ANSWER", "TOKENS", "ERROR"]

# Hugging Face says where to ask
with pytest.raises(InvalidRequest, match="^this path has no form for keyword-extraction; ask at /v1/models/tiny:predict$"):
    hugging_face.ask(b'{"inputs": "a"}', version, 99)

# the OpenAPI document
document = create_app().api.openapi()
content = document["paths"]["/v1/models/{model}:predict"]["post"]["requestBody"]["content"]
assert "keywords" in content["application/json"]["schema"]["properties"]["parameters"]["properties"]
assert "keyword-extraction: a list of words." in document["components"]["schemas"]["PredictResponse"]["description"].replace("\\n", " ")
assert NAME in document["components"]["schemas"]["Version"]["properties"]["task"]["enum"]
"""


@pytest.fixture
def programs(tmp_path):
    """The programs with a seventh task: a row, and a file in each program that has files of tasks."""
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
    path = os.pathsep.join(map(str, (programs, programs / "model_repository/backend", ROOT / "tests/support")))
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
