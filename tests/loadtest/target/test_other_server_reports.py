"""What is reported of a server that is not Headrace, and what cannot be done with it."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from markupsafe import escape
from other_servers import openai, running, tei

from loadtest.__main__ import main
from loadtest.arrivals.process import Poisson
from loadtest.planning.comparison.comparison import compare
from loadtest.planning.comparison.documents import ComparisonError, read_document
from loadtest.planning.search.bounds import Bounds
from loadtest.planning.search.capacity_part import capacity_part
from loadtest.planning.search.search import search
from loadtest.planning.search.search_json import parse_search, search_json
from loadtest.planning.search.summary import summarize_search
from loadtest.planning.search.trial import Trial, judge
from loadtest.report.files import write_report
from loadtest.report.search_page import render_search
from loadtest.results.measurement import Generators, Measurement
from loadtest.results.outcome import Outcome
from loadtest.results.provenance import Provenance
from loadtest.results.recording import Recording
from loadtest.results.results import Results
from loadtest.results.summary import Circumstances, summarize
from loadtest.scenario.loop import OpenLoop
from loadtest.scenario.scenario import Scenario
from loadtest.slo import parse_slo
from loadtest.workload.server import HEADRACE, NOT_HEADRACE, OTHER
from loadtest.workload.workload import Target, Workload

SCHEMA = Draft202012Validator(json.loads(Path("loadtest/docs/report.schema.json").read_text()))
UNKNOWN = ("cache_hit_rate", "expected_hit_rate")
MACHINE: dict[str, str | int | float] = {"cpu": "x", "cores": 2, "memory_gib": 4, "system": "Linux", "python": "3.11"}
SLO = parse_slo("p99<50ms")


def simulated(server: str, *, rate_rps: float = 50.0, dialect: str = "tei-embed", model: str = "bge", latency_s: float = 0.01) -> Results:
    recording = Recording()
    for number in range(600):
        start_s = number / 60
        recording.offer(start_s)
        recording.start(start_s, start_s)
        told = ("1", "", "hit") if server == HEADRACE else ("", "", "")
        recording.end(start_s, start_s, start_s + latency_s, 1, 0, Outcome(200, model, *told))
    workload = Workload(corpus=Path("texts.jsonl"), targets=(Target(model),), dialect=dialect)
    asked = Scenario(url="http://h:1", loop=OpenLoop(Poisson(rate_rps)), workload=workload, duration_s=10)
    around = Circumstances(Provenance("run", "2026-11-21T00:00:00+00:00", MACHINE))
    return summarize(asked, Measurement(recording, 10.0, Generators(), server=server), around)


def document(folder: Path, results: Results) -> Any:
    write_report(results, folder)
    return read_document(folder)


def unknown_in(values: Any) -> set[Any]:
    """All values of the fields that are not known of another server, wherever they stand."""
    if isinstance(values, list):
        return set().union(*map(unknown_in, values))
    if not isinstance(values, dict):
        return set()
    return {values[name] for name in UNKNOWN if name in values} | unknown_in(list(values.values()))


def test_what_is_not_known_is_null_and_never_zero(tmp_path: Path) -> None:
    results = simulated(OTHER)
    page = write_report(results, tmp_path).read_text()
    values = json.loads((tmp_path / "report.json").read_text())
    SCHEMA.validate(values)
    assert values["server"] == OTHER
    assert unknown_in(values) == {None}
    assert (values["variants"], values["cache"]) == ({}, {})
    assert json.loads(json.dumps(Results.from_dict(values).to_dict())) == values
    assert (tmp_path / "series.csv").read_text().splitlines()[1].endswith(",")
    assert f"{NOT_HEADRACE}." in page
    assert "cache hits" not in page
    assert "Cache hit rate" not in page
    assert re.findall(r"[\d.]+% hits|[\d.]+% of the texts from the cache", page) == []


def test_a_report_of_headrace_says_so_and_keeps_its_hits(tmp_path: Path) -> None:
    page = write_report(simulated(HEADRACE), tmp_path).read_text()
    values = json.loads((tmp_path / "report.json").read_text())
    SCHEMA.validate(values)
    assert (values["server"], values["cache_hit_rate"], values["variants"]) == (HEADRACE, 1.0, {"1": 600})
    assert NOT_HEADRACE not in page
    del values["server"]  # a report that was written before there were others
    assert Results.from_dict(values).server == HEADRACE


@pytest.mark.parametrize(
    ("make", "flags", "name"),
    [(tei, ["--dialect", "tei-embed"], "the server's own model"), (openai, ["--dialect", "openai", "--model", "bge"], "bge")],
)
def test_a_run_goes_on_and_says_what_is_not_known(
    make: Any, flags: list[str], name: str, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(make()) as server:
        needed = ["--url", server.url, "--corpus", str(corpus), "--report", str(tmp_path), "--users", "2", "--duration", "0.5"]
        assert main(["run", *needed, *flags, "--shared-machine"]) == 0
    out = capsys.readouterr().out
    assert f"{NOT_HEADRACE}." in out
    assert "whether the server has a cache is not known" in out
    assert "\ncache " not in out
    assert "\nversions " not in out
    values = json.loads((tmp_path / "report.json").read_text())
    SCHEMA.validate(values)
    assert values["requests"] > 10
    assert (values["server"], values["offered"]["server"], values["failures"]) == (OTHER, "detect", 0)
    assert f"<title>Load test of {escape(name)}</title>" in (tmp_path / "report.html").read_text()


def test_wrong_answers_that_begin_in_the_middle_are_failures(corpus: Path, tmp_path: Path) -> None:
    server = tei()
    server.spoil = lambda rows: rows if len(server.asked) < 80 else [[None] for _ in rows]
    with running(server):
        needed = ["--url", server.url, "--corpus", str(corpus), "--report", str(tmp_path), "--users", "1", "--duration", "0.5"]
        assert main(["run", *needed, "--dialect", "tei-embed", "--server", "other"]) == 1
    values = json.loads((tmp_path / "report.json").read_text())
    assert values["requests"] - values["failures"] == 15  # 64 texts of the pool came before
    assert [fault["reason"] for fault in values["errors"]] == ["an embedding in the answer is no list of numbers"]


def test_headrace_and_another_server_are_compared_without_what_only_one_tells(tmp_path: Path) -> None:
    headrace = document(tmp_path / "a", simulated(HEADRACE, dialect="kserve-v1", model="topics"))
    other = document(tmp_path / "b", simulated(OTHER, latency_s=0.02))
    for before, after in ((headrace, other), (other, headrace)):
        found = compare([before], [after])
        assert "hits" not in {difference.metric for difference in found.differences}
        assert {"throughput", "p99", "errors"} <= {difference.metric for difference in found.differences}
        said = " ".join(found.cautions)
        assert f"{headrace.path} is of Headrace, {other.path} of another server" in said
        assert "They were asked in different ways: workload.dialect: " in said
    # they may differ in how they are asked, and in nothing else
    with pytest.raises(ComparisonError, match=r"different scenarios \(loop\.arrivals\.rate_rps"):
        compare([headrace], [document(tmp_path / "c", simulated(OTHER, rate_rps=70))])
    with pytest.raises(ComparisonError, match=r"different scenarios \(workload\.dialect"):
        compare([other], [document(tmp_path / "d", simulated(OTHER, dialect="openai"))])


def test_a_report_without_the_fields_of_tensors_is_compared_with_one_that_has_them(tmp_path: Path) -> None:
    before = document(tmp_path / "a", simulated(HEADRACE))
    values = json.loads((tmp_path / "a" / "report.json").read_text())
    for name in ("input", "input_shape", "output"):
        del values["offered"]["workload"]["targets"][0][name]
    (tmp_path / "old.json").write_text(json.dumps(values))
    assert compare([before], [read_document(tmp_path / "old.json")]).cautions == ()


def test_a_search_finds_a_rate_and_says_that_there_is_no_profile() -> None:
    def trial_at(rate_rps: float) -> Trial:
        trial = judge(rate_rps, simulated(OTHER, latency_s=0.01 if rate_rps < 100 else 0.2), SLO)
        return replace(trial, rate_rps=rate_rps)

    bounds = Bounds(first_rps=20, resolution=0.2)
    found = search(trial_at, bounds)
    assert found.rate_rps is not None
    assert capacity_part(found, SLO, 1, 1) is None
    results = found.trials[0].results
    assert results is not None
    summary = summarize_search(found, SLO, bounds, results.scenario, Circumstances(results.provenance), 2.0)
    (caution,) = [said for said in summary.cautions if "profile.json" in said]
    assert caution.startswith(NOT_HEADRACE)
    values = json.loads(json.dumps(search_json(summary)))
    assert (values["server"], parse_search(values).server) == (OTHER, OTHER)
    assert unknown_in(values) == {None}
    assert str(escape(caution)) in render_search(summary)


def test_a_profile_and_a_plan_say_that_they_are_for_headrace(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running(tei()) as server:
        needed = [
            "--url",
            server.url,
            "--corpus",
            str(corpus),
            "--dialect",
            "tei-embed",
            "--instances",
            "1",
            "-o",
            str(tmp_path / "p.json"),
        ]
        assert main(["profile", *needed, "--seconds", "0.1"]) == 1
        assert "is not Headrace: a profile is of Headrace's gateway, cache and Triton" in capsys.readouterr().err
        with pytest.raises(SystemExit, match="2"):
            main(["profile", *needed, "--server", "other"])
        assert "--server other: a profile is of Headrace" in " ".join(capsys.readouterr().err.split())
    write_report(simulated(OTHER), tmp_path)
    with pytest.raises(SystemExit, match="2"):
        main(["plan", "--rate", "10", "--slo", "p99<50ms", "--results", str(tmp_path / "report.json")])
    assert "is the report of a run, not a capacity profile" in " ".join(capsys.readouterr().err.split())
