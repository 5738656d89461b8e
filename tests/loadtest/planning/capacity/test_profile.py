import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from loadtest.planning.capacity.profile import (
    Cache,
    Ceiling,
    Gateway,
    Measured,
    Point,
    Profile,
    ProfileError,
    Times,
    Triton,
    read_profile,
)
from loadtest.planning.capacity.profile_part import (
    CachePart,
    CeilingPart,
    GatewayPart,
    MeasuredPart,
    PointPart,
    ProfilePart,
    TimesPart,
    TritonPart,
)

MEASURED = {"on": "2026-11-21", "instance": "this-machine", "cores": 2, "command": "measured by hand"}
TRITON: dict[str, Any] = {"instances": 2, "service_s": {"mean": 0.004, "scv": 0.5}, "cpus": 2}
GATEWAY: dict[str, Any] = {"cpu_s_per_hit": 0.00025, "cpu_s_per_miss": 0.0006, "hit_latency_s": {"mean": 0.001, "scv": 0.5}}
WHOLE = {
    "schema": "headrace-capacity-profile/1",
    "measured": MEASURED,
    "model": "topics",
    "triton": TRITON,
    "gateway": GATEWAY,
    "cache": {"bytes_per_item": 400},
    "points": [{"requests_per_s": 100, "hit_rate": 0.5, "latency_ms": {"p99": 12.0}}],
}


def write(folder: Path, name: str, **fields: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps({"schema": "headrace-capacity-profile/1", **fields}), encoding="utf-8")
    return path


def test_parts_in_several_files_make_one_profile(tmp_path: Path) -> None:
    run = write(tmp_path, "run.json", measured=MEASURED, model="topics", gateway=GATEWAY, points=WHOLE["points"])
    sweep = write(tmp_path, "sweep.json", triton=TRITON, cache={"bytes_per_item": 400}, points=WHOLE["points"])
    more = write(tmp_path, "search.json", triton={"texts_per_s_within_slo": {"slo": "p99<0.05s", "texts_per_s": 700}})
    profile = read_profile([run, sweep, more])
    assert profile.triton.instances == 2
    assert profile.triton.texts_per_s_within_slo is not None
    assert profile.triton.texts_per_s_within_slo.slo == "p99<50ms"
    assert len(profile.points) == 2
    assert profile.items_per_request == 1


def test_a_profile_reads_what_it_wrote() -> None:
    profile = Profile.model_validate(WHOLE)
    assert Profile.model_validate(profile.model_dump(mode="json", by_alias=True)) == profile


def test_what_is_written_has_the_fields_that_are_read() -> None:
    def read(kind: type[BaseModel]) -> set[str]:
        return {field.alias or name for name, field in kind.model_fields.items()}

    pairs = ((ProfilePart, Profile), (TritonPart, Triton), (GatewayPart, Gateway), (TimesPart, Times), (PointPart, Point))
    for written, kind in (*pairs, (CachePart, Cache), (CeilingPart, Ceiling), (MeasuredPart, Measured)):
        assert written.__annotations__.keys() == read(kind)


def test_two_files_that_differ_are_both_named(tmp_path: Path) -> None:
    one = write(tmp_path, "one.json", triton={"service_s": {"mean": 0.004}})
    other = write(tmp_path, "other.json", triton={"service_s": {"mean": 0.005}})
    with pytest.raises(ProfileError, match=r"one\.json and .*other\.json both give triton\.service_s\.mean, and differ"):
        read_profile([one, other])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"triton": {"instances": 2}}, r"triton\.service_s is missing"),
        ({"gateway": {**GATEWAY, "cpu_s_per_hit": 0}}, r"gateway\.cpu_s_per_hit: .*greater than 0"),
        ({"triton": {**TRITON, "speed": 3}}, r"triton\.speed: .*not permitted"),
        ({"triton": {**TRITON, "batch_seconds": {"2": 0.01}}}, r"triton\.batch_seconds: .*begin with the seconds of a batch of 1"),
        ({"triton": {**TRITON, "texts_per_s_within_slo": {"slo": "fast", "texts_per_s": 1}}}, r"slo: .*'fast' is no objective"),
        (
            {"gateway": {**GATEWAY, "hit_latency_s": {"mean": 1, "scv": 1, "quantiles": {"0.5": 2, "0.9": 1}}}},
            r"quantiles: .*must not fall",
        ),
    ],
)
def test_a_field_that_is_missing_or_impossible_is_named(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = write(tmp_path, "profile.json", **{**WHOLE, **change})
    with pytest.raises(ProfileError, match=said):
        read_profile([path])


@pytest.mark.parametrize(
    ("text", "said"), [("{", "is no JSON"), ("[]", "no capacity profile"), ('{"schema": 1}', '"schema": "headrace-cap')]
)
def test_another_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError, match=said):
        read_profile([path])
    with pytest.raises(ProfileError, match="cannot be read"):
        read_profile([tmp_path / "absent.json"])


def test_times_use_quantiles_where_they_are_known() -> None:
    known = Times(mean=0.01, scv=1.0, quantiles={0.5: 0.008, 0.9: 0.02}).distribution
    assert known.mean == pytest.approx(0.01)
    assert known.quantile(0.9) == pytest.approx(0.02, rel=0.05)
    assert Times(mean=0.01, scv=1.0).distribution.scv == pytest.approx(1.0, rel=0.01)
