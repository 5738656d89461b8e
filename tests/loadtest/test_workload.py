from itertools import islice
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from loadtest.plan import Plan
from loadtest.workload import POOL_SIZE, requests, warm_pool

CORPUS = ("wheat shipments rose", "crude prices fell", "profits doubled", "wheat shipments rose")


def plan(**changes: object) -> Plan:
    return Plan(**{"url": "http://host", "model": "topics", "users": 1, "duration_s": 1, "corpus": Path("c"), "salt": "s", **changes})


@given(repeat=st.floats(0, 1), batch_size=st.integers(1, 64), seed=st.integers())
def test_every_text_is_either_of_the_pool_or_sent_once(repeat: float, batch_size: int, seed: int) -> None:
    asked = plan(repeat=repeat, batch_size=batch_size, seed=seed)
    pool = set(warm_pool(asked, CORPUS))
    sent = list(islice(requests(asked, CORPUS), 50))
    unique = [text for request in sent for text in request.texts if text not in pool]
    assert [len(request.texts) for request in sent] == [batch_size] * 50
    assert len(set(unique)) == len(unique) == 50 * batch_size - sum(request.repeats for request in sent)


@given(seed=st.integers(), repeat=st.floats(0, 1))
def test_equal_seed_and_salt_send_the_same_requests(seed: int, repeat: float) -> None:
    asked = plan(seed=seed, repeat=repeat)
    assert list(islice(requests(asked, CORPUS), 100)) == list(islice(requests(asked, CORPUS), 100))
    assert warm_pool(asked, CORPUS) == warm_pool(asked, CORPUS)


def test_another_salt_changes_every_text_and_nothing_else() -> None:
    one, other = (list(islice(requests(plan(salt=salt), CORPUS), 100)) for salt in ("aaaa", "bbbb"))
    assert [request.unit_id for request in one] == [request.unit_id for request in other]
    assert [request.repeats for request in one] == [request.repeats for request in other]
    assert not {text for request in one for text in request.texts} & {text for request in other for text in request.texts}


def test_the_share_of_repeats_is_as_declared() -> None:
    for repeat in (0.0, 0.05, 0.3, 0.8, 1.0):
        sent = islice(requests(plan(repeat=repeat, batch_size=4), CORPUS), 5000)
        share = sum(request.repeats for request in sent) / 20_000
        # four standard deviations of a share of 20,000 draws
        assert abs(share - repeat) <= 4 * (repeat * (1 - repeat) / 20_000) ** 0.5


def test_units_come_from_the_whole_population() -> None:
    units = {request.unit_id for request in islice(requests(plan(units=20), CORPUS), 1000)}
    assert units == {f"unit-{number}" for number in range(20)}


def test_the_pool_has_the_stated_size_and_no_duplicates() -> None:
    assert len(set(warm_pool(plan(), CORPUS))) == POOL_SIZE
    assert warm_pool(plan(repeat=0), CORPUS) == ()
