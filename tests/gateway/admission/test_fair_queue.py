"""The laws of fair queueing: short waits beside any greed, equal shares, nothing idle or lost."""

import time
from collections import Counter, defaultdict
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timed import timed

from gateway.admission.fair_queue import CONTENDED, MAX_DEBT, FairQueue
from gateway.admission.flow import Flow


@dataclass(eq=False)
class Entry:
    name: str
    cost: int = 10
    flow: Flow | None = None

    def __repr__(self):
        return self.name


class Keeper:
    """Keeps all entries but the first `late` that it is asked about."""

    def __init__(self, late):
        self._late, self.dropped = late, []

    def __call__(self, entry):
        if len(self.dropped) == self._late:
            return True
        self.dropped.append(entry)
        return False


def push(queue, *path, entries=1, cost=10):
    made = [Entry(f"{path[-1]}{i}", cost) for i in range(entries)]
    for entry in made:
        queue.push(path, entry)
    return made


def take(queue, budget=10, most=64, **more):
    return [entry.name for entry in queue.take(budget, most, lambda _: True, **more)]


PATHS = st.tuples(st.sampled_from("AB"), st.sampled_from("kl"), st.sampled_from("cde"), st.integers(0, 5))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), PATHS, st.integers(1, 500)),
        st.tuples(st.just("take"), st.integers(1, 1000), st.integers(1, 8), st.integers(0, 3)),
        st.tuples(st.just("withdraw"), st.integers(0, 1000)),
        st.tuples(st.just("answer"), st.integers(0, 1000)),
    ),
    max_size=200,
)


@given(STEPS)
def test_what_is_pushed_is_taken_or_withdrawn_once_and_the_sums_are_those_of_what_is_there(steps):
    queue, waiting, taken, seen = FairQueue(), [], [], []
    for step in steps:
        match step:
            case "push", path, cost:
                waiting.append(Entry(str(path), cost))
                queue.push(path, waiting[-1])
            case "take", budget, most, late:
                keep = Keeper(late)
                batch = queue.take(budget, most, keep, max_undivided=0)
                waiting = [entry for entry in waiting if entry not in keep.dropped]
                assert bool(batch) == bool(waiting), "work is conserved"
                assert len(batch) <= most
                assert len(batch) <= 1 or sum(entry.cost for entry in batch) <= budget
                assert not any(entry in seen for entry in batch)
                seen += batch
                taken += batch
                waiting = [entry for entry in waiting if entry not in batch]
            case "withdraw", number if waiting:
                queue.withdraw(waiting.pop(number % len(waiting)))
            case "answer", number if taken:
                queue.answered([taken.pop(number % len(taken))])
        assert queue.queued == len(waiting)
        assert queue.pending == sum(entry.cost for entry in (*waiting, *taken))
    while queue.queued:
        batch = queue.take(100, 4, lambda _: True)
        assert batch
        taken += batch
        waiting = [entry for entry in waiting if entry not in batch]
    assert not waiting
    queue.answered(taken)
    assert queue.pending == 0
    assert queue.ahead(("A", "k", "c", 0), 7).work == 7


@given(
    st.lists(st.integers(1, 200), min_size=1, max_size=300),
    st.lists(st.integers(1, 200), min_size=1, max_size=8),
    st.integers(200, 400),
    st.integers(0, 20),
)
def test_one_that_comes_beside_greed_waits_for_a_turn_of_it_and_not_for_all(greed, own, budget, turns_before):
    queue = FairQueue()
    for cost in greed:
        queue.push(("greedy", "g"), Entry("greedy", cost))
    for _ in range(turns_before):
        queue.take(budget, 1000, lambda _: True)
    for cost in own:
        queue.push(("modest", "m"), Entry("modest", cost))
    before = 0
    while queue.queued:
        batch = queue.take(budget, 1000, lambda _: True)
        if any(entry.name == "modest" for entry in batch):
            break
        before += sum(entry.cost for entry in batch)
    assert before <= budget


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 100)), min_size=50, max_size=300), st.integers(100, 300))
def test_flows_that_always_have_work_get_equal_shares(entries, budget):
    queue, left = FairQueue(), defaultdict(int)
    for flow, cost in entries:
        queue.push((flow, "r"), Entry(str(flow), cost))
        left[str(flow)] += cost
    served = defaultdict(int)
    busy = set(left)
    while busy == set(left):
        for entry in queue.take(budget, 1000, lambda _: True):
            served[entry.name] += entry.cost
            left[entry.name] -= entry.cost
        busy = {flow for flow, cost in left.items() if cost > 0}
        assert max(served[flow] for flow in left) - min(served[flow] for flow in left) <= 2 * (budget + 100)


def test_tenants_share_equally_whatever_number_of_connections_and_requests_they_have():
    queue = FairQueue()
    for connection in range(9):
        for request in range(3):
            push(queue, "greedy", "key", connection, request, entries=5)
    push(queue, "modest", "key", 0, "m", entries=40)
    order = [queue.take(10, 1, lambda _: True)[0].flow.name for _ in range(60)]
    assert order[1::2] == ["m"] * 30 or order[::2] == ["m"] * 30


def test_connections_of_one_tenant_share_equally():
    queue = FairQueue()
    push(queue, "", "", "bulk", "b", entries=64)
    for connection in range(3):
        push(queue, "", "", connection, f"single{connection}-")
    order = [take(queue, max_undivided=1)[0] for _ in range(8)]
    assert order.index("single2-0") <= 4


def test_a_client_that_sends_request_after_request_lets_one_go_first_that_comes_now_and_then():
    queue = FairQueue()
    push(queue, "", "", "busy", "first", cost=100)
    push(queue, "", "", "other", "keeps the queue in use", entries=9, cost=100)
    first = queue.take(100, 1, lambda _: True)
    assert [entry.name for entry in first] == ["first0"]
    queue.answered(first)
    push(queue, "", "", "busy", "again")
    push(queue, "", "", "rare", "modest")
    names = [take(queue, 10, 1, max_undivided=0)[0] for _ in range(4)]
    assert names.index("modest0") < names.index("again0")


def test_who_is_welcome_goes_first_and_owes_nothing():
    queue = FairQueue()
    push(queue, "", "back", "r", cost=200)
    for other in range(9):
        push(queue, "", other, "r", entries=9)
    first = queue.take(200, 1, lambda _: True)
    queue.answered(first)
    queue.push(("", "back", "again"), Entry("again"), welcome=True)
    assert take(queue, 10, 1, max_undivided=0) == ["again"]


def test_those_who_are_welcome_starve_nobody():
    queue = FairQueue()
    push(queue, "bulk", "r", entries=50)
    served = Counter()
    for number in range(2000):
        queue.push((number, "r"), Entry("welcome"), welcome=True)
        for entry in queue.take(10, 1, lambda _: True, max_undivided=0):
            served[entry.name[0]] += 1
            queue.answered([entry])
    assert served["r"] == 50


def test_a_debt_is_bounded():
    queue = FairQueue()
    push(queue, "busy", "huge", cost=100 * MAX_DEBT)
    push(queue, "other", "steady", entries=20_000, cost=10)
    queue.take(10, 1, lambda _: True)
    push(queue, "busy", "again")
    turns = next(turn for turn in range(20_000) if take(queue, 10, 1, max_undivided=0) == ["again0"])
    assert turns <= (50 + 1) * MAX_DEBT / 10 + 2, "the share of the other, and the debt"


def test_after_a_pause_nobody_owes_anything():
    queue = FairQueue()
    queue.answered(push(queue, "busy", "r", cost=900) and queue.take(900, 1, lambda _: True))
    push(queue, "busy", "again")
    push(queue, "rare", "modest")
    assert take(queue, 20) == ["again0", "modest0"]


def test_the_texts_of_a_request_are_taken_by_length_and_a_few_of_one_request_together():
    queue = FairQueue()
    for cost in (30, 10, 20, 10):
        queue.push(("r",), Entry(str(cost), cost))
    assert take(queue, 40, most=1, max_undivided=3) == ["10", "10", "20"]
    assert take(queue, 40, most=1) == ["30"]


def test_small_requests_go_together_and_what_does_not_fit_goes_first_next_time():
    queue = FairQueue()
    for request in "abc":
        push(queue, request)
    push(queue, "d", cost=1000)
    push(queue, "e")
    assert take(queue, 30) == ["a0", "b0", "c0"]
    assert take(queue, 30) == ["d0"]
    assert take(queue, 30) == ["e0"]


def test_what_is_not_to_be_kept_is_left_out():
    queue = FairQueue()
    push(queue, "late", entries=3)
    kept = push(queue, "kept")
    assert queue.take(100, 9, lambda entry: entry in kept) == kept
    assert (queue.queued, queue.pending) == (0, 10)


@pytest.mark.parametrize(
    ("others", "work"),
    [
        ({}, 10),
        ({("B", "r"): 500}, 20),  # the other tenant answers as much as we do meanwhile
        ({("B", "r"): 4}, 14),
        ({("B", "r"): 500, ("C", "r"): 500, ("C", "s"): 500}, 30),
        ({("A", "r"): 500}, 20),
        ({("A", "r"): 500, ("A", "s"): 500, ("B", "r"): 500}, 60),
    ],
)
def test_the_work_until_an_answer_is_what_fair_shares_allow_the_others(others, work):
    queue = FairQueue()
    for path, cost in others.items():
        push(queue, *path, cost=cost)
    assert queue.ahead(("A", "new"), 10).work == work


def test_a_newcomer_is_held_up_by_others_that_hold_far_more():
    queue = FairQueue()
    assert not queue.ahead(("A", "c", "new"), 10).is_contended
    push(queue, "A", "c", "r", entries=CONTENDED - 1)
    assert not queue.ahead(("A", "c", "new"), 10).is_contended
    push(queue, "A", "c", "r")
    assert queue.ahead(("A", "c", "new"), 10).is_contended
    assert queue.ahead(("A", "d", "new"), 10).is_contended
    assert not queue.ahead(("A", "d", "new"), 100).is_contended
    for equal in range(64):
        push(queue, "B", equal, "r")
    assert queue.ahead(("B", 100, "new"), 1).is_contended, "the other tenant"


def test_what_is_shed_is_of_the_flow_that_holds_most_and_never_of_a_modest_one():
    queue = FairQueue()
    push(queue, "greedy", "c", "small", entries=2)
    huge = push(queue, "greedy", "d", "huge", entries=30)
    push(queue, "modest", "c", "r", entries=20)
    assert next(queue.heaviest(("modest", "c", "new"), 10)) == huge
    assert next(queue.heaviest(("third", "c", "new"), 100)) == huge
    assert list(queue.heaviest(("greedy", "e", "new"), 301)) == [], "the newcomer holds most itself"
    assert list(queue.heaviest(("third", "c", "new"), 10_000)) == []
    assert next(queue.heaviest()) == huge


def test_those_who_are_shed_one_after_the_other_are_known_before_one_is():
    queue = FairQueue()
    held = {path: push(queue, *path, entries=entries) for path, entries in {("A", "r"): 9, ("A", "s"): 8, ("B", "r"): 10}.items()}
    order = [held["A", "r"], held["B", "r"], held["A", "s"]]  # A holds most, then B, then A again
    assert list(queue.heaviest()) == order
    assert list(queue.heaviest(("C", "r"), 85)) == order[:2], "it would hold most of those who are left"
    for victims in order:
        assert next(queue.heaviest()) == victims
        for entry in victims:
            queue.withdraw(entry)
    assert queue.queued == 0


def test_a_queue_keeps_no_flow_that_holds_and_owes_nothing():
    queue = FairQueue()
    push(queue, "steady", "r", entries=1000)
    for number in range(5000):
        push(queue, number, "r")
        queue.answered(queue.take(30, 3, lambda _: True))
    assert len(queue._root.flows) < 3000


@timed
def test_a_turn_costs_logarithmic_time():
    def seconds(flows):
        queue = FairQueue()
        for flow in range(flows):
            push(queue, flow, "r", entries=2)
        began = time.perf_counter()
        for _ in range(1000):
            queue.answered(queue.take(10, 1, lambda _: True, max_undivided=0))
        return time.perf_counter() - began

    assert min(seconds(16_000) for _ in range(3)) < 8 * min(seconds(1000) for _ in range(3))


@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("cd"), st.integers(0, 30), st.integers(1, 9)), max_size=60),
    st.sampled_from("ABZ"),
    st.integers(1, 60),
)
def test_each_that_is_shed_is_what_holds_most_once_those_before_it_are_gone(requests, tenant, cost):
    queue = FairQueue()
    for *path, entries in requests:
        push(queue, *path, entries=entries)
    path = (tenant, "c", "new")
    planned = list(queue.heaviest(path, cost))
    for victims in planned:
        assert next(queue.heaviest(path, cost)) == victims
        for entry in victims:
            queue.withdraw(entry)
    assert next(queue.heaviest(path, cost), None) is None
