import pytest

from gateway.cache.entry import Entry
from gateway.cache.lookup import Lookup
from gateway.errors import BackendBroken, DeadlineExceeded, InvalidRequest, NotReady, Overloaded

A, B = b"a", b"b"
ENTRY = Entry(0, 0, b"row")


@pytest.mark.parametrize(
    ("entries", "stale", "status"),
    [([], [], "miss"), ([A], [], "partial"), ([A, B], [], "hit"), ([A, B], [A], "stale"), ([A], [A], "partial")],
)
def test_status_says_how_many_keys_are_hits(entries, stale, status):
    assert Lookup(dict.fromkeys(entries, ENTRY), set(stale)).status([A, B, A]) == status


@pytest.mark.parametrize(
    ("error", "used"), [(NotReady, True), (BackendBroken, True), (DeadlineExceeded, True), (Overloaded, False), (InvalidRequest, False)]
)
def test_entries_kept_for_errors_answer_only_in_place_of_errors_of_the_server(error, used):
    found = Lookup({A: ENTRY}, on_error={B: ENTRY})
    assert found.use_on_error([A, B], error("")) == used
    assert found.entries.keys() == ({A, B} if used else {A})
    assert found.used_on_error == ({B} if used else set())


def test_entries_kept_for_errors_are_not_used_where_the_answer_stays_incomplete():
    assert not Lookup(on_error={A: ENTRY}).use_on_error([A, B], NotReady(""))
