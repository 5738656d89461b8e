"""What reaches the transport below, write by write."""

import asyncio

import pytest

from gateway.security.whole_responses import WholeResponses

HEAD, BODY = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", b"{}"


class Transport:
    def __init__(self):
        self.written = []

    def write(self, data):
        self.written.append(bytes(data))

    def close(self):
        self.written.append("closed")

    def is_closing(self):
        return "closed" in self.written


@pytest.fixture
async def below():
    return Transport()


@pytest.fixture
async def transport(below):
    return WholeResponses(below, asyncio.get_running_loop())


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


async def test_a_response_without_body_is_sent_before_the_end(below, transport):
    transport.write(HEAD)
    transport.close()
    await asyncio.sleep(0)
    assert below.written == [HEAD, "closed"]
    assert transport.is_closing()
