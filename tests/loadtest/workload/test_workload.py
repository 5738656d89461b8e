import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.generator.wire import wire_requests
from loadtest.scenario.loop import ClosedLoop
from loadtest.scenario.scenario import Scenario
from loadtest.workload.draws import POOL_SIZE, Draw, draws, pool, text_of
from loadtest.workload.expectation import expected_hit_rate
from loadtest.workload.workload import BatchSize, LengthBand, Target, Workload, WorkloadError, Zipf

CORPUS = ("wheat shipments rose", "crude prices fell", "profits doubled", "wheat shipments rose", "a longer text of a few more words")


def workload(**changes: object) -> Workload:
    return Workload(**{"corpus": Path("c"), "targets": (Target("topics"),), **changes})


def sized(texts: int) -> tuple[BatchSize, ...]:
    return (BatchSize(texts),)


def some(asked: Workload, number: int, seed: int = 1) -> list[Draw]:
    return list(islice(draws(asked, CORPUS, seed), number))


def texts(asked: list[Draw], salt: str = "s") -> list[str]:
    return [text_of(item, CORPUS, salt) for draw in asked for item in draw.items]


@given(repeat=st.floats(0, 1), batch_size=st.integers(1, 64), seed=st.integers())
def test_every_text_is_either_of_the_pool_or_sent_once(repeat: float, batch_size: int, seed: int) -> None:
    asked = workload(repeat=repeat, batch_sizes=sized(batch_size))
    known = {text_of(item, CORPUS, "s") for item in pool(asked, CORPUS, seed)}
    sent = some(asked, 50, seed)
    unique = [text for text in texts(sent) if text not in known]
    assert [len(draw.items) for draw in sent] == [batch_size] * 50
    assert len(set(unique)) == len(unique) == 50 * batch_size - sum(draw.repeats for draw in sent)


@given(seed=st.integers(), repeat=st.floats(0, 1))
def test_equal_seeds_draw_the_same(seed: int, repeat: float) -> None:
    asked = workload(repeat=repeat)
    assert some(asked, 100, seed) == some(asked, 100, seed)
    assert pool(asked, CORPUS, seed) == pool(asked, CORPUS, seed)


def test_another_salt_changes_every_text_and_nothing_else() -> None:
    sent = some(workload(), 100)
    assert not set(texts(sent, "aaaa")) & set(texts(sent, "bbbb"))


def test_the_share_of_repeats_is_as_declared() -> None:
    for repeat in (0.0, 0.05, 0.3, 0.8, 1.0):
        share = sum(draw.repeats for draw in some(workload(repeat=repeat, batch_sizes=sized(4)), 5000)) / 20_000
        # four standard deviations of a share of 20,000 draws
        assert abs(share - repeat) <= 4 * (repeat * (1 - repeat) / 20_000) ** 0.5


def test_units_come_from_the_whole_population() -> None:
    units = {draw.unit_id for draw in some(workload(units=20), 1000)}
    assert units == {f"unit-{number}" for number in range(20)}


def test_skewed_units_ask_by_their_rank() -> None:
    drawn = [draw.unit_id for draw in some(workload(units=100, unit_exponent=1.0), 20_000)]
    harmonic = sum(1 / rank for rank in range(1, 101))
    assert drawn.count("unit-0") / 20_000 == pytest.approx(1 / harmonic, rel=0.05)
    assert drawn.count("unit-9") / 20_000 == pytest.approx(1 / harmonic / 10, rel=0.2)


def test_the_pool_has_the_stated_size_and_no_duplicates() -> None:
    assert len({text_of(item, CORPUS, "s") for item in pool(workload(), CORPUS, 1)}) == POOL_SIZE
    assert pool(workload(repeat=0), CORPUS, 1) == ()


@pytest.mark.parametrize("exponent", [0.0, 0.8, 1.2])
def test_the_hit_rate_of_zipfs_law_is_the_one_expected(exponent: float) -> None:
    asked = workload(zipf=Zipf(exponent, 2000), batch_sizes=sized(2))
    sent = some(asked, 5000)
    seen: set[str] = set()
    hits = 0
    for text in texts(sent):
        hits += text in seen
        seen.add(text)
    assert sum(draw.repeats for draw in sent) == hits
    assert hits / 10_000 == pytest.approx(expected_hit_rate(asked, 5000), abs=0.01)


def test_mixes_have_their_weights() -> None:
    asked = workload(
        targets=(Target("a", weight=3), Target("b", 2, weight=1)),
        batch_sizes=(BatchSize(1, 0.5), BatchSize(8, 0.5)),
        lengths=(LengthBand(1, 2, 0.25), LengthBand(3, 3, 0.25), LengthBand(4, 20, 0.5)),
        repeat=0,
    )
    sent = some(asked, 10_000)
    assert sum(draw.target for draw in sent) / 10_000 == pytest.approx(0.25, abs=0.02)
    assert sum(len(draw.items) == 8 for draw in sent) / 10_000 == pytest.approx(0.5, abs=0.02)
    words = [len(CORPUS[item.corpus_index].split()) for draw in sent for item in draw.items]
    assert [sum(map(band, words)) / len(words) for band in (lambda n: n == 2, lambda n: n == 3, lambda n: n > 3)] == pytest.approx(
        [0.25, 0.25, 0.5], abs=0.02
    )
    with pytest.raises(WorkloadError, match="no text of 100 to 200 words"):
        some(workload(lengths=(LengthBand(100, 200),)), 1)


def payloads(dialect: str, worker: int = 0, workers: int = 1) -> Iterator[bytes]:
    targets = (Target("topics"),) if dialect.startswith("tei") else (Target("topics", 2),)
    asked = workload(dialect=dialect, targets=targets, batch_sizes=sized(2))
    scenario = Scenario(url="http://h:1/base/", loop=ClosedLoop(1), workload=asked, duration_s=1, salt='\u00e9"', headers={"A": "b"})
    return (request.payload for request in wire_requests(scenario, CORPUS, worker, workers))


@pytest.mark.parametrize("workers", [2, 3])
def test_the_workers_together_send_the_bytes_of_one(workers: int) -> None:
    alone = list(islice(payloads("kserve-v1"), 60))
    split = [list(islice(payloads("kserve-v1", worker, workers), 60 // workers)) for worker in range(workers)]
    assert [payload for turn in zip(*split, strict=True) for payload in turn] == alone


@pytest.mark.parametrize(
    ("dialect", "path", "body"),
    [
        ("kserve-v1", "/base/v1/models/topics:predict", {"instances": ["T", "T"], "version": 2}),
        (
            "open-inference",
            "/base/v2/models/topics/versions/2/infer",
            {"inputs": [{"name": "TEXT", "shape": [2, 1], "datatype": "BYTES", "data": ["T", "T"]}]},
        ),
        ("openai", "/base/v1/embeddings", {"model": "topics", "input": ["T", "T"], "version": 2}),
        ("tei-embed", "/base/models/topics/embed", {"inputs": ["T", "T"]}),
        ("tei-predict", "/base/models/topics/predict", {"inputs": [["T"], ["T"]]}),
    ],
)
def test_each_dialect_is_sent_as_it_is_spoken(dialect: str, path: str, body: dict[str, object]) -> None:
    head, _, content = next(payloads(dialect)).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == f"POST {path} HTTP/1.1"
    assert {"Host: h:1", "A: b", f"Content-Length: {len(content)}"} <= set(lines)

    def without_texts(value: object) -> object:
        if isinstance(value, list):
            return [without_texts(part) for part in value]
        if isinstance(value, dict):
            return {name: without_texts(part) for name, part in value.items()}
        return "T" if isinstance(value, str) and '\u00e9"' in value else value

    assert without_texts(json.loads(content)) == body
