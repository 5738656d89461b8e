import pytest
from pages import blocks

from gateway.state.durability import durability_of

ALWAYS = {"appendonly": "yes", "appendfsync": "always"}
EVERY_SECOND = ALWAYS | {"appendfsync": "everysec"}
NO_FILE = {"appendonly": "no", "appendfsync": "always"}
[RECOMMENDED] = blocks("gateway/docs/production.md", "")
EVICTING = {"maxmemory": 4_000_000, "maxmemory_policy": "allkeys-lru"}


@pytest.mark.parametrize(
    ("config", "can_wait", "memory", "keeps", "must_wait", "part"),
    [
        (ALWAYS, True, {}, True, False, "on disk before it is acknowledged"),
        (ALWAYS, False, {}, True, False, "on disk before it is acknowledged"),
        (ALWAYS, True, EVICTING | {"maxmemory": 0}, True, False, "on disk"),  # nothing is ever evicted
        (ALWAYS, True, EVICTING, False, False, "maxmemory-policy allkeys-lru): set noeviction"),
        (EVERY_SECOND, True, {}, True, True, "WAITAOF"),
        (EVERY_SECOND, False, {}, False, False, "appendfsync everysec): set appendfsync always"),
        (NO_FILE, False, {}, False, False, "set appendonly yes and appendfsync always"),
        (None, True, {}, True, True, "WAITAOF"),
        (None, False, {}, False, False, "allow CONFIG GET"),
    ],
)
def test_a_server_that_can_lose_what_it_acknowledged_is_told_apart(config, can_wait, memory, keeps, must_wait, part):
    found = durability_of(config=config, can_wait=can_wait, memory=memory, replicas=0)
    assert (found.keeps, found.must_wait) == (keeps, must_wait)
    assert part in found.sentence
    assert found.shown.startswith("may lose writes: ") is not keeps


def test_replicas_are_named_since_they_follow_unawaited():
    assert "one of its 2 replicas" in durability_of(config=ALWAYS, can_wait=True, memory={}, replicas=2).sentence


def test_the_server_that_the_page_recommends_keeps_what_it_acknowledged():
    config = dict(line.split() for line in RECOMMENDED.splitlines())
    memory = {"maxmemory": 4_000_000, "maxmemory_policy": config.pop("maxmemory-policy")}
    assert durability_of(config=config, can_wait=False, memory=memory, replicas=0).keeps
