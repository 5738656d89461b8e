import pytest

from gateway.cache.entry import Entry
from gateway.cache.found import Found
from gateway.errors import BackendBroken, DeadlineExceeded, InvalidRequest, NotReady, Overloaded

A, B = b"a", b"b"
ENTRY = Entry(0, 0, b"row")


@pytest.mark.parametrize(
    ("entries", "stale", "status"),
    [([], [], "miss"), ([A], [], "partial"), ([A, B], [], "hit"), ([A, B], [A], "stale"), ([A], [A], "partial")],
)
def test_status_says_how_much_is_known(entries, stale, status):
    assert Found(dict.fromkeys(entries, ENTRY), set(stale)).status([A, B, A]) == status


@pytest.mark.parametrize(
    ("error", "rescued"), [(NotReady, True), (BackendBroken, True), (DeadlineExceeded, True), (Overloaded, False), (InvalidRequest, False)]
)
def test_only_errors_of_the_server_are_answered_with_what_is_kept_for_them(error, rescued):
    found = Found({A: ENTRY}, reserve={B: ENTRY})
    assert found.rescue([A, B], error("")) == rescued
    assert found.entries.keys() == ({A, B} if rescued else {A})
    assert found.rescued == ({B} if rescued else set())


def test_an_answer_that_would_stay_incomplete_is_not_rescued():
    assert not Found(reserve={A: ENTRY}).rescue([A, B], NotReady(""))
