"""A watched file of numbers, in virtual time."""

import asyncio
from dataclasses import dataclass, replace

import pytest
from structlog.testing import capture_logs
from virtual_time import run

from gateway.files.watched import FileKind, Watched


class NumberError(Exception):
    pass


@dataclass(frozen=True)
class Number:
    value: int
    fault: str | None = None


class Shown:
    def __init__(self):
        self.value = None

    def set(self, value):
        self.value = value


@pytest.fixture
def valid():
    return Shown()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "number.txt"


@pytest.fixture
def watched(path, valid):
    return Watched(path, kind(valid))


def kind(valid):
    return FileKind(
        parse=lambda text: Number(int(text)),
        empty=Number(0),
        error=NumberError,
        valid=valid,
        taken="number read",
        refused="number refused",
        shown=lambda number: {"number": number.value},
        marked=lambda number, fault: replace(number, fault=fault),
    )


def test_without_a_file_the_empty_value_is_in_force(valid):
    watched = Watched(None, kind(valid))
    watched.read()
    assert (watched.current, watched.fault, valid.value) == (Number(0), None, 1)


def test_what_cannot_be_used_is_refused_and_the_last_good_value_says_so(watched, path, valid):
    path.write_text("1")
    watched.read()
    path.write_text("one")
    with pytest.raises(NumberError, match=r"number\.txt: invalid literal"):
        watched.read()
    assert (watched.current, valid.value) == (Number(1, watched.fault), 0)
    path.write_text("2")
    watched.read()
    assert (watched.current, watched.fault, valid.value) == (Number(2), None, 1)


def test_a_file_that_has_gone_is_a_fault_until_it_is_back(watched, path, valid):
    path.write_text("1")
    watched.read()
    path.unlink()
    with pytest.raises(NumberError, match="No such file"):
        watched.read()
    assert (watched.current.value, valid.value) == (1, 0)
    path.write_text("1")
    watched.read()
    assert (watched.current, valid.value) == (Number(1), 1)


def test_bytes_that_are_no_text_are_refused(watched, path):
    path.write_bytes(b"\xff")
    with pytest.raises(NumberError, match="codec can't decode"):
        watched.read()


def test_an_unchanged_file_is_not_parsed_again(watched, path):
    path.write_text("1")
    watched.read()
    before = watched.current
    watched.read()
    assert watched.current is before


def test_a_value_that_was_taken_keeps_its_state(watched, path):
    path.write_text("1")
    watched.read()
    taken = watched.current
    path.write_text("2")
    watched.read()
    assert taken == Number(1)


def test_each_change_is_applied_before_it_is_logged_and_a_fault_is_logged_once(watched, path):
    async def scenario():
        applied = []
        watching = asyncio.create_task(watched.watch(lambda: (applied.append(watched.current.value), events.append("applied"))))
        for contents in ("1", "1", "one", "one", "2"):
            path.write_text(contents)
            await asyncio.sleep(1.5)
        watching.cancel()
        assert applied == [1, 2]

    with capture_logs() as events:
        run(scenario())
    refused = {"event": "number refused", "log_level": "error", "reason": events[2]["reason"]}
    taken = [{"event": "number read", "log_level": "info", "number": number} for number in (1, 2)]
    assert events == ["applied", taken[0], refused, "applied", taken[1]]
    assert "number.txt: invalid literal" in refused["reason"]


def test_without_anyone_to_tell_the_file_is_watched_all_the_same(watched, path):
    async def scenario():
        watching = asyncio.create_task(watched.watch())
        path.write_text("7")
        await asyncio.sleep(1.5)
        watching.cancel()

    run(scenario())
    assert watched.current == Number(7)


def test_where_there_is_no_file_watching_ends_at_once(valid):
    run(Watched(None, kind(valid)).watch())


def test_a_change_may_be_told_from_the_value_before_and_be_warned_of(valid, path):
    added = replace(
        kind(valid), after=lambda before, now: Number(10 * before.value + now.value), warnings=lambda number: [f"it is {number.value}"]
    )
    watched = Watched(path, added)
    for contents in ("1", "2"):
        path.write_text(contents)
        watched.read()
    with capture_logs() as events:
        watched.warn()
    assert (watched.current, [event["event"] for event in events]) == (Number(12), ["it is 12"])
