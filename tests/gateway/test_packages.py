"""An answer is of one package, and stands under that package's name: whatever is loaded when.

Two Tritons serve version 1 of one model. Its packages differ in their scores and in their labels.
The `ETag` of an answer is made of the package's digest, so it says which package the gateway takes
the answer for: the scores have to be those of that package.
"""

import asyncio
import contextlib
import hashlib
import itertools
import json

import hypothesis.strategies as st
import pytest
from http_triton import HttpTriton, scores
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from starlette.testclient import TestClient

from gateway.app import create_app
from gateway.cache.key import entity_tag
from gateway.dialects import kserve_v1
from gateway.embedded.valkey import Valkey
from gateway.fakes.manifests import make_manifest
from gateway.request.prediction import Item
from gateway.settings.settings import Settings

LABELS = {"A": ("cold", "warm"), "B": ("warm", "cold"), "C": ("cold", "mild", "warm")}
PACKAGES = {
    name: make_manifest("weather", labels=labels, digest=f"sha256:{hashlib.sha256(name.encode()).hexdigest()}")
    for name, labels in LABELS.items()
}
NEVER_S = 1000
ALL_LABELS = {"top_k": 3}
numbers = itertools.count()


@pytest.fixture(scope="module")
def valkey():
    with Valkey() as server:
        yield server


class Gateway:
    """A gateway on two Tritons, which reads its catalog when it is told to or has to."""

    def __init__(self, client, tritons):
        self.client, self.tritons = client, tritons

    @property
    def stack(self):
        return self.client.app.api.state.stack

    def read_catalog(self):
        self.client.portal.call(self.stack.catalog.read)

    def ask(self, texts, **headers):
        body = {"instances": texts, "parameters": ALL_LABELS}
        return self.client.post("/v1/models/weather:predict", json=body, headers=headers)

    def stream(self, texts):
        body = "".join(json.dumps(text) + "\n" for text in texts)
        path = "/v1/models/weather:predictStream"
        return self.client.post(path, content=body, params={"parameters": json.dumps(ALL_LABELS)})

    def tag(self, package, texts):
        keys = self.stack.cache.keys(package, "", [Item(text.encode()) for text in texts])
        return entity_tag(keys, kserve_v1.shown([1] * len(texts), ALL_LABELS))

    def package_of(self, answer, texts):
        """The name of the package that the answer says it is of."""
        [name] = [name for name, package in PACKAGES.items() if self.tag(package, texts) == answer.headers["etag"]]
        return name


@contextlib.contextmanager
def gateway_on(valkey, *, proven, **settings):
    with contextlib.ExitStack() as stack:
        tritons = [HttpTriton(PACKAGES["A"], proven=proven) for _ in range(2)]
        for triton in tritons:
            stack.callback(triton.close)
        made = {"auth": "off", "cache_url": valkey.url, "catalog_refresh_s": NEVER_S, "retry_share": 1.0, **settings}
        app = create_app(Settings(triton_url=",".join(triton.url for triton in tritons), **made))
        yield Gateway(stack.enter_context(TestClient(app, raise_server_exceptions=False)), tritons)


def predicted(package, text):
    """What a package says of a text, the best label first."""
    by_score = sorted(zip(scores(package, text), package.labels, strict=True), reverse=True)
    return [{"label": label, "score": pytest.approx(score, abs=1e-6)} for score, label in by_score]


class Packages(RuleBasedStateMachine):
    """Loads, asks, exports anew, rolls back, in any order."""

    gateway: Gateway

    @initialize()
    def start(self):
        self.example = next(numbers)
        for triton in self.gateway.tritons:
            triton.load(PACKAGES["A"])
            triton.during_call = None
        self.gateway.read_catalog()

    @rule(where=st.sampled_from([(0,), (1,), (0, 1)]), name=st.sampled_from(list(PACKAGES)))
    def load(self, where, name):
        for at in where:
            self.gateway.tritons[at].load(PACKAGES[name])

    @rule(at=st.sampled_from([0, 1]), name=st.sampled_from(list(PACKAGES)))
    def load_during_the_next_call(self, at, name):
        triton = self.gateway.tritons[at]
        triton.during_call = lambda: triton.load(PACKAGES[name])

    @rule()
    def read_catalog(self):
        self.gateway.read_catalog()

    @rule(texts=st.lists(st.sampled_from("abcd"), min_size=1, max_size=3), control=st.sampled_from(["", "no-cache", "no-store"]))
    def ask(self, texts, control):
        texts = [f"{self.example} {text}" for text in texts]
        answer = self.gateway.ask(texts, **({"cache-control": control} if control else {}))
        assert answer.status_code == 200, answer.text
        name = self.gateway.package_of(answer, texts)
        assert answer.json()["predictions"] == [predicted(PACKAGES[name], text) for text in texts], (name, answer.headers)

    @rule(texts=st.lists(st.sampled_from("abcd"), min_size=1, max_size=3))
    def stream(self, texts):
        texts = [f"{self.example} {text}" for text in texts]
        for line, text in zip(map(json.loads, self.gateway.stream(texts).text.splitlines()), texts, strict=True):
            assert line.get("prediction") in [predicted(package, text) for package in PACKAGES.values()], line

    @rule(name=st.sampled_from(list(PACKAGES)), text=st.sampled_from("abcd"))
    def settle(self, name, text):
        """Once one package is everywhere and the catalog says so, it answers."""
        for triton in self.gateway.tritons:
            triton.during_call = None
            triton.load(PACKAGES[name])
        self.gateway.read_catalog()
        text = f"{self.example} {text}"
        answer = self.gateway.ask([text])
        assert self.gateway.package_of(answer, [text]) == name
        assert answer.json()["predictions"] == [predicted(PACKAGES[name], text)], answer.headers


@pytest.mark.parametrize("lease_s", [0, 0.5], ids=["no leases", "leases"])
@pytest.mark.parametrize("proven", [True, False], ids=["answers name their package", "the version is asked"])
def test_no_answer_stands_under_the_name_of_another_package(valkey, proven, lease_s):
    with gateway_on(valkey, proven=proven, cache_lease_s=lease_s) as gateway:
        machine = type("Machine", (Packages,), {"gateway": gateway})
        run_state_machine_as_test(machine, settings=settings(max_examples=25, stateful_step_count=20, deadline=None))


def test_a_stale_entry_is_not_refreshed_by_another_package(valkey):
    text = f"stale {next(numbers)}"
    with gateway_on(valkey, proven=True, cache_ttl_s=0.001, cache_stale_while_revalidate_s=60, cache_memory_bytes=0) as gateway:
        gateway.ask([text])
        while gateway.ask([text], **{"cache-control": "only-if-cached"}).status_code != 200:
            pass  # the cache is written soon, not at once
        for triton in gateway.tritons:
            triton.load(PACKAGES["B"])
            triton.calls = 0
        while (stale := gateway.ask([text])).headers["x-cache"] == "hit":
            pass  # a refresh by A may have come last
        assert (stale.headers["x-cache"], gateway.package_of(stale, [text])) == ("stale", "A")
        while not all(triton.calls for triton in gateway.tritons):  # the refresh asks both
            gateway.client.portal.call(asyncio.sleep, 0.005)
        for name in ("B", "A"):
            for triton in gateway.tritons:
                triton.load(PACKAGES[name])
            gateway.read_catalog()
            answer = gateway.ask([text])
            assert (gateway.package_of(answer, [text]), answer.json()["predictions"]) == (name, [predicted(PACKAGES[name], text)])


def test_a_version_that_contradicts_its_own_catalog_is_refused_and_not_answered_wrongly(valkey):
    with gateway_on(valkey, proven=True) as gateway:
        for triton in gateway.tritons:
            triton.answers_as = PACKAGES["B"]
        answer = gateway.ask([f"contradiction {next(numbers)}"])
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json() == {"error": "version 1 of model weather was replaced while it answered; try again"}


def test_a_request_that_is_answered_again_is_charged_once(valkey):
    with gateway_on(valkey, proven=True) as gateway:
        charged = []
        door = gateway.stack.door

        class Counting:
            guarded = False

            async def enter(self, ctx, scope):
                await door.enter(ctx, scope)

            async def charge(self, ctx, items):
                charged.append(items)

            def give_back(self, ctx, items):
                charged.append(ctx.computed - items)

        gateway.stack.door = Counting()
        for triton in gateway.tritons:
            triton.load(PACKAGES["B"])
        texts = [f"charged {next(numbers)}" for _ in range(2)]
        assert gateway.package_of(gateway.ask(texts), texts) == "B"
        assert sum(charged) == 2
