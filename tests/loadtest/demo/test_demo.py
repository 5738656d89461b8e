import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loadtest.demo.asking import Answer, RefusedError
from loadtest.demo.caching import Twice, ask_twice
from loadtest.demo.findings import Findings
from loadtest.demo.load import LoadFailedError, load_gateway
from loadtest.demo.model import Experiment, Variant
from loadtest.demo.outcomes import Judged, Known, known_of, tell
from loadtest.demo.packaged import Packaged, read_packaged
from loadtest.demo.page import write_page
from loadtest.demo.predictions import Example, Predicted, choose, other_texts, predict_with_each_version, read_examples
from loadtest.demo.splitting import Arm, Split, split_units
from loadtest.results.measurement import Generators, GeneratorUse, Measurement
from loadtest.results.outcome import Outcome
from loadtest.results.provenance import Provenance
from loadtest.results.recording import Recording
from loadtest.results.summary import Circumstances, summarize
from loadtest.scenario.loop import ClosedLoop
from loadtest.scenario.scenario import Scenario
from loadtest.target.client import Client
from loadtest.target.gateway_process import GatewayFailedError, running_gateway
from loadtest.workload.corpus import CorpusError
from loadtest.workload.workload import Target, Workload

EXAMPLES = [Example("a", "x"), Example("b", "x"), Example("c", "y"), Example("b", "x"), Example("d", "z")]
EXPERIMENT = Experiment("topics-lora", [Variant(f"variant-{version}", version, 0.5) for version in (1, 2)])
MANIFEST = {
    "version": 2,
    "precision": "int8-dynamic",
    "sizes": {"fp32_bytes": 90_000_000, "packaged_bytes": 22_500_000},
    "quality": {"metric": "accuracy", "examples": 2189, "reference": 0.975, "packaged": 0.974},
    "speed": {"fp32_texts_per_s": 200.0, "packaged_texts_per_s": 320.0},
}


def findings(p_value: float = 0.9, failed: int = 0) -> Findings:
    machine: dict[str, Any] = {"cpu": "c", "cores": 2, "memory_gib": 4.0, "system": "s", "python": "3"}
    recording = Recording()
    for number in range(80):
        recording.end(number / 10, number / 10, number / 10 + 0.002, 1, 0, Outcome(200, "topics", str(1 + number % 2), "control", "miss"))
    for _ in range(failed):
        recording.end(7.9, 7.9, 7.902, 1, 0, Outcome(503, "topics", fault="gone"))
    workload = Workload(corpus=Path("c"), targets=(Target("topics"),), repeat=0)
    scenario = Scenario(url="http://127.0.0.1:1", loop=ClosedLoop(4), workload=workload, duration_s=8)
    measured = Measurement(recording, 8.0, Generators((GeneratorUse(0, 0.1, 0.0, 80),)))
    load = summarize(scenario, measured, Circumstances(Provenance("python -m loadtest run", "now", machine)))
    answers = [Answer("earn", 0.9, 1, "control", "miss", 5.0), Answer("<acq>", 0.8, 2, "treatment", "miss", 5.0)]
    split = Split("topics-lora", [Arm("control", 1, 0.5, 503), Arm("treatment", 2, 0.5, 497)], p_value)
    return Findings(
        [Predicted(Example("profits rose", "earn"), answers)],
        Twice(20, 8.0, 0.5, "miss", "hit"),
        split,
        Known("treatment is better: +2.0 % to +9.0 %; 1,000 units", Path("experiment.html")),
        load,
        [read_packaged(MANIFEST)],
    )


def test_the_first_text_of_each_label_is_chosen_and_the_others_are_different() -> None:
    chosen = choose(EXAMPLES)
    assert chosen == [Example("a", "x"), Example("c", "y"), Example("d", "z")]
    assert other_texts([*EXAMPLES, Example("e", "x")], chosen, 5) == ["b", "e"]


def test_a_manifest_is_read_as_a_comparison() -> None:
    packaged = read_packaged(MANIFEST)
    assert (packaged.size_ratio, packaged.speed_ratio) == (4.0, 1.6)
    assert read_packaged({**MANIFEST, "quality": None, "speed": None}).speed_ratio is None


def test_the_verdict_holds_the_figures() -> None:
    said = findings().verdict()
    assert said[0] == "Of 1,000 units 503 went to control (version 1) and 497 went to treatment (version 2); configured are 50% and 50%."
    assert said[1] == "By right answers, treatment is better: +2.0 % to +9.0 %; 1,000 units: experiment.html shows the experiment."
    assert "0.50 ms instead of 8.00 ms" in said[2]
    assert "10 requests/s" in said[3]
    assert said[4] == "Version 2 as int8-dynamic is 4.0 times smaller and 1.6 times faster than fp32, at 97.40% accuracy against 97.50%."
    assert findings().faults() == []


def test_failed_requests_and_an_implausible_split_are_faults() -> None:
    assert findings(failed=3).faults() == ["3 of 83 requests failed under load."]
    assert "does not fit the configured weights" in findings(p_value=1e-6).faults()[0]


@pytest.mark.parametrize("packaged", [read_packaged(MANIFEST), read_packaged({**MANIFEST, "quality": None, "speed": None})])
def test_the_page_needs_nothing_else(tmp_path: Path, packaged: Packaged) -> None:
    found = findings()
    write_page(replace(found, packaged=[packaged]), tmp_path / "index.html")
    page = (tmp_path / "index.html").read_text()
    assert re.findall(r"""(?:src|href)\s*=[^>]*|url\(|@import|<script|<link|<img""", page) == ['href="experiment.html"']
    assert "&lt;acq&gt; 0.800" in page
    assert page.count("<svg") == 5


@pytest.mark.integration
def test_the_steps_see_what_the_gateway_does(gateway: Any, tmp_path: Path) -> None:
    with Client(gateway.url) as client:
        predicted = predict_with_each_version(client, [Example("profits rose", "earn")], [1, 2])
        assert [(answer.version, answer.variant, answer.label) for answer in predicted[0].answers] == [
            (1, "variant-1", "earn"),
            (2, "variant-2", "earn"),
        ]
        twice = ask_twice(client, ["one", "two"])
        assert (twice.first_cache, twice.second_cache) == ("miss", "hit")
        split = split_units(client, EXPERIMENT, EXAMPLES, lambda _: None)
        known = known_of(client, "topics-lora", tmp_path / "experiment.html")
        with pytest.raises(RefusedError, match="took 0 of 1 outcomes"):
            tell(client, [Judged("user-3", True)])
        with pytest.raises(RefusedError, match="no results of another"):
            known_of(client, "another", tmp_path / "none.html")
    assert (known.sentence, known.page.read_text()) == ("1,000 units", "<title>topics-lora</title>")
    assert [gateway.outcomes[f"user-{number}"]["value"] for number in range(6)] == [0] * 6  # every answer is earn
    units = [f"user-{number}".encode() for number in range(1000)]
    assert [arm.units for arm in split.arms] == [sum(sum(unit) % 2 == side for unit in units) for side in (0, 1)]


@pytest.mark.integration
def test_a_cache_that_keeps_nothing_stops_the_demo(gateway: Any) -> None:
    gateway.caches = False
    with Client(gateway.url) as client, pytest.raises(RefusedError, match="first miss, then miss"):
        ask_twice(client, ["one"])


@pytest.mark.integration
def test_a_load_test_that_measures_nothing_stops_the_demo(gateway: Any, corpus: Path, tmp_path: Path) -> None:
    gateway.versions = ()
    with pytest.raises(LoadFailedError, match=r"No version of .topics. is ready"):
        load_gateway(gateway.url, corpus, tmp_path)


@pytest.mark.integration
def test_a_gateway_that_cannot_start_ends_with_its_own_words(tmp_path: Path) -> None:
    experiments = tmp_path / "experiments.yaml"
    experiments.write_text("experiments: [nonsense]\n")
    with (
        pytest.raises(GatewayFailedError, match=r"(?s)did not start.*experiments\.yaml"),
        running_gateway(tmp_path, "topics", {"HEADRACE_EXPERIMENTS_FILE": str(experiments)}, lambda _: None),
    ):
        pytest.fail("it is not running")


def test_examples_need_their_labels(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text('{"text": "a", "label": "x"}\n\n{"text": "b", "label": "y"}\n')
    assert read_examples(path) == [Example("a", "x"), Example("b", "y")]
    path.write_text('{"text": "a", "label": "x"}\n{"text": "b"}\n')
    with pytest.raises(CorpusError, match='needs a "text" and a "label"'):
        read_examples(path)
