"""The headrace backend in a real tritonserver."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest

from model_repository import config
from model_repository.manifest import GRAPH
from model_repository.server import TritonError

pytestmark = pytest.mark.integration

TEXTS = [
    "wheat rose",
    "oil price fell sharply in the port of trade",
    "",
    "ship " * 40,
    "crude barrel dollar yen",
    "tariff on corn harvest " * 30,  # longer than the model takes
    "déjà vu 漢字 🙂",
]


def test_answers_as_pytorch_does(served, classifier):
    served.package(1, classifier)
    served.load()
    answer = served.ask(TEXTS, version=1)
    np.testing.assert_allclose(answer.as_numpy("SCORES"), [classifier.probabilities(text) for text in TEXTS], atol=1e-4)
    assert answer.as_numpy("ERROR").tolist() == [[b""]] * len(TEXTS)


def test_answers_a_batch_as_it_answers_each_text_alone(served, classifier):
    served.package(1, classifier)
    served.load()
    texts = [" ".join(TEXTS[0].split() * n) for n in range(32)] + TEXTS * 4
    together = served.ask(texts, version=1).as_numpy("SCORES")
    alone = np.vstack([served.ask([text], version=1).as_numpy("SCORES") for text in texts])
    assert together.shape == (60, 4)
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_text_that_is_not_utf8_fails_alone(served, classifier):
    served.package(1, classifier)
    served.load()
    answer = served.ask([b"wheat rose", b"oil \xff price", b"ship"], version=1)
    scores, errors = answer.as_numpy("SCORES"), answer.as_numpy("ERROR")[:, 0].tolist()
    assert errors == [b"", b"The text is not valid UTF-8: byte 4 cannot be decoded.", b""]
    np.testing.assert_allclose(scores[[0, 2]], [classifier.probabilities(text) for text in ("wheat rose", "ship")], atol=1e-4)
    assert np.isnan(scores[1]).all()


def test_gives_only_the_outputs_that_were_asked_for(served, classifier):
    served.package(1, classifier)
    served.load()
    answer = served.ask(["wheat"], version=1, outputs=["ERROR"])
    assert [output.name for output in answer.get_response().outputs] == ["ERROR"]


def test_requests_that_wait_together_are_answered_as_one_batch(served, classifier):
    served.package(1, classifier)
    path = served.folder / config.FILE
    edited = config.read(path)
    edited.dynamic_batching.max_queue_delay_microseconds = 300_000
    edited.dynamic_batching.preferred_batch_size.append(8)
    config.write(path, edited)
    served.load()
    answers = {}
    threads = [
        threading.Thread(target=lambda text=text: answers.update({text: served.ask([text], version=1)})) for text in map(str, range(8))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with served.client() as client:
        statistics = client.get_inference_statistics(served.folder.name, "1").model_stats[0]
    assert statistics.inference_count == 1 + 8  # and the warm-up
    assert statistics.execution_count < 1 + 8
    for text, answer in answers.items():
        np.testing.assert_allclose(answer.as_numpy("SCORES")[0], classifier.probabilities(text), atol=1e-4)


def test_a_second_version_joins_while_traffic_flows(served, classifier, other_classifier):
    served.package(1, classifier)
    served.load()
    with traffic(served, version=1, expected=classifier.probabilities("oil")) as answered:
        served.package(2, other_classifier)
        served.load()
        second = served.ask(["oil"], version=2).as_numpy("SCORES")
        answered.wait_for_more(20)
    assert answered.failures == []
    np.testing.assert_allclose(second[0], other_classifier.probabilities("oil"), atol=1e-4)
    assert np.abs(second[0] - classifier.probabilities("oil")).max() > 0.01


def test_a_broken_version_is_refused_while_the_good_one_answers(served, classifier):
    served.package(1, classifier)
    served.load()
    with traffic(served, version=1, expected=classifier.probabilities("oil")) as answered:
        broken = served.package(2, classifier)
        (broken / GRAPH).write_bytes(b"not a graph")
        with pytest.raises(TritonError, match=r"model\.onnx"):
            served.load()
        answered.wait_for_more(20)
    assert answered.failures == []
    assert (served.ready(1), served.ready(2)) == (True, False)


def parameter(name, value):
    def change(settings):
        settings.parameters[name].string_value = value

    return change


def without_batching(settings):
    settings.max_batch_size = 0
    settings.ClearField("dynamic_batching")


REFUSED = {
    # never a silent fall-back to another provider
    "provider": (
        parameter("execution_provider", "MIGraphXExecutionProvider"),
        "Execution provider MIGraphXExecutionProvider is not in this ONNX Runtime",
    ),
    "threads": (parameter("intra_op_threads", "many"), "Parameter intra_op_threads is 'many'"),
    "binding": (parameter("io_binding", "maybe"), "Parameter io_binding is 'maybe'"),
    "budget": (parameter("cost_budget_seconds", "long"), "Parameter cost_budget_seconds is 'long'"),
    "batching": (without_batching, "max_batch_size is 0; it must be at least 1"),
}


@pytest.fixture(scope="module")
def refused(serve, classifier):
    """Models with a configuration that cannot be met, and why Triton does not load them.

    They are loaded at the same time: the backend lets each wait before it fails.
    """
    models = {name: serve(f"refused_{name}") for name in REFUSED}
    for name, (change, _) in REFUSED.items():
        models[name].package(1, classifier)
        path = models[name].folder / config.FILE
        edited = config.read(path)
        change(edited)
        config.write(path, edited)

    def reason(model):
        with pytest.raises(TritonError) as error:
            model.load()
        return str(error.value)

    with ThreadPoolExecutor() as pool:
        return dict(zip(models, zip(models.values(), pool.map(reason, models.values()), strict=True), strict=True))


@pytest.mark.parametrize("name", REFUSED)
def test_a_configuration_that_cannot_be_met_is_a_load_error(refused, name):
    model, reason = refused[name]
    assert REFUSED[name][1] in reason
    assert "\n" not in reason
    assert not model.ready(1)


def test_a_version_whose_files_were_changed_is_refused(served, classifier, other_classifier):
    version = served.package(1, classifier)
    (version / GRAPH).write_bytes(other_classifier.graph.read_bytes())
    with pytest.raises(TritonError, match=r"model\.onnx has the digest sha256:.* it was changed after it was packaged"):
        served.load()


class Traffic:
    """One client that asks again and again; every answer must be as expected."""

    def __init__(self, served, version, expected):
        self.failures: list[str] = []
        self._served, self._version, self._expected = served, version, expected
        self._answers = 0
        self._changed = threading.Condition()
        self._ends = threading.Event()

    def run(self):
        with self._served.client() as client:
            while not self._ends.is_set():
                try:
                    scores = self._served.ask_with(client, ["oil"], self._version).as_numpy("SCORES")
                    np.testing.assert_allclose(scores[0], self._expected, atol=1e-4)
                except Exception as exc:
                    self.failures.append(repr(exc))
                with self._changed:
                    self._answers += 1
                    self._changed.notify_all()

    def wait_for_more(self, answers):
        with self._changed:
            goal = self._answers + answers
            assert self._changed.wait_for(lambda: self._answers >= goal, timeout=30)

    def end(self):
        self._ends.set()


@contextmanager
def traffic(served, version, expected) -> Iterator[Traffic]:
    flow = Traffic(served, version, expected)
    thread = threading.Thread(target=flow.run)
    thread.start()
    try:
        flow.wait_for_more(5)
        yield flow
    finally:
        flow.end()
        thread.join()
