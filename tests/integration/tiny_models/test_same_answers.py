"""The answer is always the model's own: in any dialect, batch, state of the cache, version and arm.

An example is a list of rounds, and a round is a list of questions that are asked at the same time.
Some of their texts come from a pool that all examples share, so they are cached; the others are the
example's own, which are not cached at first. So batches are cached wholly, in part or not at all,
in one or both of two gateways on one Valkey, and some of the entries are stale.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import httpx
import numpy as np
import pytest
import yaml
from dialects import DIALECTS, TAKE_NO_VERSION
from gateway_process import GatewayProcess, free_port
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_model import TOLERANCE, ReferenceModel

pytestmark = pytest.mark.integration

VERSIONS = {"embeddings": (1, 2), "weather": (1,)}
POOL = (
    "alna bero",
    "Alna   BERO",  # the same text for the tokenizer, another text for the cache
    "alna",
    "bero alna fito gova",
    "alna bero cota duva " * 10,  # longer than the model reads
    "älna – 北京 🌊 bero",
    'a "quoted" \\ text\n\tof\u2028lines, with a \x00',
    " ",
)
CACHE_CONTROL = (None, None, "no-cache", "no-store", "max-age=0", "max-age=1", "max-stale", "min-fresh=1")
POLICIES = {"embeddings": {"ttl_s": 0.3, "stale_while_revalidate_s": 600, "lease_s": 5}, "weather": {"compress_above_bytes": 8}}
ARMS = [{"name": "control", "version": 1, "weight": 0.5}, {"name": "treatment", "version": 2, "weight": 0.5}]
EXPERIMENT = {"key": "same-answers", "model": "embeddings", "cache_bypass": 0.1, "variants": ARMS}


@dataclass(frozen=True)
class Asked:
    """A question as it was drawn: the gateway that is asked, the dialect, and what it is asked."""

    gateway: int
    dialect: str
    model: str
    version: int | None
    texts: list[str]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Question(Asked):
    """A question with the addresses of its gateway and the client that asks."""

    url: str = ""
    grpc_url: str = ""
    client: httpx.AsyncClient | None = field(default=None, repr=False)


@st.composite
def batches(draw, texts):
    """A batch of texts, cut at random into questions with the same options."""
    dialect = draw(st.sampled_from(sorted(DIALECTS)))
    model = draw(st.sampled_from(DIALECTS[dialect][1]))
    version = None if dialect in TAKE_NO_VERSION else draw(st.sampled_from((None, *VERSIONS[model])))
    drawn = {
        "Cache-Control": draw(st.sampled_from(CACHE_CONTROL)),
        "X-Priority": draw(st.sampled_from((None, "batch"))),
        "X-Unit-ID": draw(st.sampled_from((None, *(f"unit-{i}" for i in range(6))))),
    }
    headers = {name: value for name, value in drawn.items() if value}
    batch = draw(st.lists(texts, min_size=1, max_size=8))
    cuts = sorted(draw(st.sets(st.integers(0, len(batch)))) | {0, len(batch)})
    gateway = draw(st.integers(0, 1))
    return [Asked(gateway, dialect, model, version, batch[a:b], headers) for a, b in pairwise(cuts)]


@st.composite
def examples(draw, words):
    own = draw(st.lists(st.lists(st.sampled_from(words), min_size=5, max_size=9).map(" ".join), min_size=2, max_size=6))
    texts = st.sampled_from(POOL) | st.sampled_from(own)
    rounds = st.lists(batches(texts), min_size=1, max_size=4).map(lambda drawn: [asked for batch in drawn for asked in batch])
    return draw(st.lists(rounds, min_size=1, max_size=4))


@pytest.fixture(scope="module")
def gateways(tasks_triton, valkey, tmp_path_factory):
    """Two gateways on one Valkey, with an experiment on the versions of `embeddings`."""
    folder = tmp_path_factory.mktemp("same-answers")
    for name, content in (("experiments", {"experiments": [EXPERIMENT]}), ("policies", POLICIES)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    with contextlib.ExitStack() as stack:
        started = []
        for i in range(2):
            port = free_port()
            gateway = GatewayProcess(
                log=folder / f"gateway-{i}.log",
                triton_url=tasks_triton.http_url,
                cache_url=valkey.url,
                cache_policies=folder / "policies.yaml",
                experiments_file=folder / "experiments.yaml",
                grpc_port=port,
                # nothing must be shed on a slow machine
                request_timeout_ms=60_000,
            )
            gateway.grpc_url = f"127.0.0.1:{port}"
            started.append(stack.enter_context(gateway))
        yield started


@pytest.fixture
def reference(tasks_triton):
    with contextlib.closing(ReferenceModel(tasks_triton)) as model:
        yield model


def assert_answer_of_the_model(question, version, rows, reference, version_of_unit):
    unit = question.headers.get("X-Unit-ID")
    if question.version is not None or question.model != EXPERIMENT["model"]:
        assert version == (question.version or 1), question
    elif unit:
        assert version == version_of_unit.setdefault(unit, version), question
    expected = reference.rows(question.model, version, question.texts)
    rows = np.asarray(rows)
    if rows.shape[1] < expected.shape[1]:
        expected = expected[:, : rows.shape[1]]
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(rows, expected, atol=TOLERANCE, rtol=0, err_msg=str(question))


def test_every_way_to_ask_gives_the_answer_of_the_model_itself(gateways, reference, tasks_repository):
    words = sorted(set(" ".join(tasks_repository.texts).split()))
    version_of_unit = {}

    async def ask(client, asked):
        gateway = gateways[asked.gateway]
        question = Question(**vars(asked), url=gateway.url, grpc_url=gateway.grpc_url, client=client)
        version, rows = await DIALECTS[asked.dialect][0](question)
        assert_answer_of_the_model(question, version, rows, reference, version_of_unit)

    async def ask_all(rounds):
        async with httpx.AsyncClient() as client:
            for round_ in rounds:
                await asyncio.gather(*(ask(client, asked) for asked in round_))

    @given(examples(words))
    @settings(max_examples=40, deadline=None, derandomize=True, database=None)
    def holds(rounds):
        asyncio.run(ask_all(rounds))

    holds()
    for status in ("hit", "miss", "partial", "stale", "bypass"):
        assert sum(gateway.metric("headrace_requests_total", cache=status, status="200") for gateway in gateways) > 0, status
    assert all(gateway.metric("headrace_cache_hits_total", tier=tier) > 0 for gateway in gateways for tier in ("memory", "redis"))
    assert sum(gateway.metric("headrace_items_total", result="coalesced") for gateway in gateways) > 0
    assert set(version_of_unit.values()) == {1, 2}
