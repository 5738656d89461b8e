"""What reaches the transports below, write by write."""

import asyncio

import pytest

from gateway.security.whole_responses import MAX_HELD_BYTES, Outbox, WholeResponses

HEAD, BODY = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", b"{}"


class Transport:
    def __init__(self, log):
        self.written, self.log = [], log

    def write(self, data):
        assert not self.is_closing()
        self.written.append(bytes(data))
        self.log.append(self)

    def close(self):
        self.written.append("closed")

    def is_closing(self):
        return "closed" in self.written


@pytest.fixture
def log():
    return []


@pytest.fixture
def below(log):
    return Transport(log)


@pytest.fixture
def outbox():
    return Outbox()


@pytest.fixture
async def transport(below, outbox):
    return WholeResponses(below, outbox)


async def test_head_and_body_are_one_write(below, transport):
    transport.write(HEAD)
    transport.write(BODY)
    await asyncio.sleep(0)
    assert below.written == [HEAD + BODY]


async def test_a_head_whose_body_comes_later_goes_in_the_same_turn(below, transport):
    transport.write(HEAD)
    await asyncio.sleep(0)
    transport.write(BODY)
    transport.write(BODY)
    assert below.written == [HEAD, BODY, BODY]


async def test_the_responses_of_one_turn_go_when_it_ends(below, transport, outbox, log):
    other_below = Transport(log)
    other = WholeResponses(other_below, outbox)
    transport.write(HEAD)
    other.write(HEAD)
    transport.write(BODY)
    other.write(BODY)
    assert log == []
    await asyncio.sleep(0)
    assert (below.written, other_below.written, log) == ([HEAD + BODY], [HEAD + BODY], [below, other_below])
    transport.write(HEAD)
    await asyncio.sleep(0)
    assert below.written == [HEAD + BODY, HEAD]


async def test_no_more_is_held_back_than_the_limit(below, transport):
    piece = b"x" * (MAX_HELD_BYTES // 2 + 1)
    transport.write(HEAD)
    transport.write(piece)
    assert below.written == []
    transport.write(piece)
    transport.write(BODY)
    assert below.written == [HEAD + piece + piece, BODY]
    await asyncio.sleep(0)
    assert below.written == [HEAD + piece + piece, BODY]


async def test_a_response_without_body_is_sent_before_the_end(below, transport):
    transport.write(HEAD)
    transport.close()
    await asyncio.sleep(0)
    assert below.written == [HEAD, "closed"]
    assert transport.is_closing()


async def test_nothing_is_sent_to_a_client_that_has_left_in_the_meantime(below, transport):
    transport.write(HEAD)
    below.close()
    await asyncio.sleep(0)
    assert below.written == ["closed"]
