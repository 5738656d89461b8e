import pytest

from gateway.request.body_room import BodyRoom


@pytest.fixture
def room():
    return BodyRoom()


def test_one_alone_may_fill_the_room(room):
    assert [room.take("a", 40, 100) for _ in range(3)] == [True, True, False]
    room.give_back("a", 40)
    assert room.take("a", 60, 100)
    assert room.held == 100


def test_who_holds_little_is_let_in_where_another_fills_the_room(room):
    room.take("greedy", 100, 100)
    assert room.take("modest", 30, 100)
    assert not room.take("greedy", 1, 100)
    assert not room.take("modest", 30, 100)
    assert room.take("third", 10, 100)


def test_it_never_holds_more_than_twice_as_much(room):
    for owner in range(50):
        while room.take(owner, 1, 100):
            pass
    assert room.held <= 200


def test_who_gave_all_back_counts_no_more(room):
    room.take("a", 10, 100)
    room.give_back("a", 10)
    assert room.take("b", 100, 100)


def test_an_empty_body_needs_no_room(room):
    assert room.take("a", 0, 100)
    assert room.take("a", 40, 100)
    room.give_back("a", 40)
    room.give_back("a", 0)
    assert room.held == 0
