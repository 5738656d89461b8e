import html
import json
import re
from pathlib import Path

import helm_python
import kubernetes_validate
import pytest
import yaml
from helm_python import Chart

from loadtest.__main__ import main

CHART = Path(__file__).parents[4] / "helm" / "headrace"
PROFILE = {
    "schema": "headrace-capacity-profile/1",
    "measured": {"on": "2026-11-21", "instance": "gcp/c3-standard-4", "cores": 4, "command": "measured by hand"},
    "model": "topics",
    "triton": {"instances": 2, "service_s": {"mean": 0.004, "scv": 0.5}, "cpus": 2, "memory_bytes": 1.5e9},
    "gateway": {
        "cpu_s_per_hit": 0.00025,
        "cpu_s_per_miss": 0.0006,
        "hit_latency_s": {"mean": 0.001, "scv": 0.5},
        "workers": 2,
        "memory_bytes": 1.4e8,
    },
    "cache": {"bytes_per_item": 400},
    "points": [{"requests_per_s": 300, "hit_rate": 0.4, "latency_ms": {"p50": 0.1, "p99": 17.5}}],
}
TYPES = ["--triton-instance", "gcp/c3-standard-4", "--gateway-instance", "aws/c7i.large"]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(PROFILE), encoding="utf-8")
    return path


def arguments(results: Path, *more: str, slo: str = "p99<40ms") -> list[str]:
    return ["plan", "--rate", "2000", "--slo", slo, "--repeat", "0.4", "--growth", "1.5", "--results", str(results), *more]


def test_the_plan_shows_its_arithmetic_and_its_bill(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(results, *TYPES)) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("2 gateways, 6 Triton replicas and 2,472 MiB of cache hold 3,000 requests/s within p99<40ms")
    for said in (
        "2,000 requests/s × 1.5 growth",
        "3,000 texts/s × (1 − 0.4 repeats)",
        "One replica fewer",
        "M/G/2 at 360.0 calls/s each: P(wait)",
        "1 replica lost",
        "MISSES",
        "Caution: At 300 requests/s the model misses p50 by +",
        "all, on demand",
        "gaps covered",
        "a million texts at the SLO",
        "(2026-01-19)",
    ):
        assert said in shown


def test_the_json_holds_all_that_is_shown(results: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    assert main(arguments(results, *TYPES, "--json", str(path))) == 0
    plan = json.loads(path.read_text(encoding="utf-8"))
    assert plan["schema"] == "headrace-capacity-plan/1"
    assert plan["planned"] == {"gateways": 2, "triton_replicas": 6}
    assert plan["needed_with_replicas_lost"] == {"gateways": 1, "triton_replicas": 5}
    assert plan["predictions"]["replica_lost"]["latency_ms"]["p99"] < 40
    assert plan["highest_requests_per_s_within_slo"] >= 3000
    assert [check["agrees"] for check in plan["checks"]] == [False, True]
    on_demand, spot = plan["bill"]["on_demand"], plan["bill"]["spot"]
    assert on_demand["usd_per_month"] == pytest.approx(730 * sum(p["instances"] * p["usd_per_instance_hour"] for p in on_demand["parts"]))
    assert spot["usd_per_month"] < on_demand["usd_per_month"]
    assert on_demand["usd_per_million_at_the_slo"] <= on_demand["usd_per_million_at_the_planned_rate"]
    assert plan["profile"]["triton"]["service_s"]["mean"] == 0.004


def test_the_chart_renders_with_the_written_values(results: Path, tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    assert main(arguments(results, "--values", str(path))) == 0
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    report = helm_python.lint(CHART, values, strict=True)
    assert [message for message in report["messages"] if message["severity"] > 1] + report["errors"] == []
    with Chart.load(CHART) as chart:
        files = chart.render(values, name="demo", namespace="prod")
    documents = [document for name, text in files.items() if name.endswith(".yaml") for document in yaml.safe_load_all(text) if document]
    for document in documents:
        kubernetes_validate.validate(document, "1.31", strict=True)
    found = {(document["kind"], document["metadata"]["labels"].get("app.kubernetes.io/component")): document for document in documents}
    assert found["Deployment", "triton"]["spec"]["replicas"] == 6
    autoscaler = found["HorizontalPodAutoscaler", "gateway"]["spec"]
    assert (autoscaler["minReplicas"], autoscaler["maxReplicas"]) == (2, 2)
    assert autoscaler["metrics"][0]["resource"]["target"]["averageUtilization"] == 72
    (gateway,) = found["Deployment", "gateway"]["spec"]["template"]["spec"]["containers"]
    assert gateway["resources"]["requests"]["cpu"] == "2000m"
    (valkey,) = found["Deployment", "valkey"]["spec"]["template"]["spec"]["containers"]
    assert valkey["args"][valkey["args"].index("--maxmemory") + 1] == "2472mb"


def test_an_slo_out_of_reach_fails_with_a_sentence(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(results, slo="p99<3ms")) == 1
    assert "No number of replicas holds p99<3ms" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--triton-instance", "aws/g6.xlarge"], "go together"),
        (["--triton-instance", "aws/none", "--gateway-instance", "aws/c7i.large"], "no 'aws/none'"),
        (["--repeat", "1.4"], "hit rate from 0 to 1"),
        (["--growth", "0"], "growth"),
        (["--lost", "-1"], "--lost must not be negative"),
        (["--slo", "p99>1ms"], "is no objective"),
        (["--results", "absent.json"], "absent.json cannot be read"),
        ([*TYPES, "--spot-interrupted", "1"], "share interrupted per month"),
        ([*TYPES, "--prices", "absent.yaml"], "absent.yaml cannot be read"),
        (["--json", "absent/plan.json"], "absent/plan.json: No such file"),
    ],
)
def test_a_bad_argument_is_named(results: Path, capsys: pytest.CaptureFixture[str], more: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments(results, *more))
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_the_page_says_what_the_terminal_says(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(results, *TYPES, "--report", str(tmp_path / "report"))) == 0
    said = " ".join(capsys.readouterr().out.split())
    page = (tmp_path / "report/plan.html").read_text()
    told = json.loads((tmp_path / "report/plan.json").read_text())
    headline = html.unescape(page.partition('<h1 class="warn">')[2].partition("</h1>")[0])
    assert headline
    assert headline in said
    assert f">{told['planned']['triton_replicas']}</b>" in page
    # a measured point that the model misses makes the page amber, and stands first
    assert told["cautions"][0] in html.unescape(page)
    assert page.count("<svg") == 3
    assert re.findall(r"(?:src|href)\s*=|url\(|@import|<script|NaN", page) == []


def test_a_plan_that_cannot_be_made_is_a_red_page(results: Path, tmp_path: Path) -> None:
    assert main(arguments(results, "--report", str(tmp_path / "report"), slo="p99<3ms")) == 1
    page = (tmp_path / "report/plan.html").read_text()
    assert '<h1 class="bad">No number of replicas holds p99&lt;3ms' in page


def test_a_plan_of_a_disturbed_profile_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "profile.json"
    measured = PROFILE["measured"] | {"disturbed": "Other work took more than a tenth of the machine in 3 of 12 runs."}
    path.write_text(json.dumps(PROFILE | {"measured": measured, "points": PROFILE["points"][:1]}), encoding="utf-8")
    assert main(arguments(path, "--report", str(tmp_path))) == 0
    said = "The profile was measured on a busy machine: Other work took more than a tenth of the machine in 3 of 12 runs."
    assert said in " ".join(capsys.readouterr().out.split())
    assert said in (tmp_path / "plan.html").read_text()
