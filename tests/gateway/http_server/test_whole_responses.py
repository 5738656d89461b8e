"""What reaches the transports below, write by write."""

import asyncio

import pytest

from gateway.http_server.whole_responses import MAX_HELD_BYTES, Outbox, WholeResponses

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


async def test_the_first_response_of_a_turn_goes_at_once_and_the_others_when_it_ends(below, transport, outbox, log):
    others = [Transport(log), Transport(log)]
    for each in (transport, *(WholeResponses(other, outbox) for other in others)):
        each.write(HEAD)
        each.write(BODY)
    assert log == [below]
    await asyncio.sleep(0)
    assert [each.written for each in (below, *others)] == [[HEAD + BODY]] * 3
    assert log == [below, *others]
    transport.write(HEAD)
    transport.write(BODY)
    assert below.written == [HEAD + BODY] * 2


async def test_no_more_is_held_back_than_the_limit(below, transport, outbox):
    WholeResponses(Transport([]), outbox).write(HEAD)
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
