"""What a connection does with the pieces that a client sends, on a transport that records."""

import asyncio

import pytest
from recording_transport import RecordingTransport, turns
from uvicorn.server import ServerState
from virtual_time import run

from gateway.http_server.connection import Config, Connection, HeaderLimits
from gateway.http_server.connection_state import BODY, CLOSED, HEAD, IDLE, LEFTOVER
from gateway.http_server.whole_responses import Outbox

HEAD_OF_4 = b"POST / HTTP/1.1\r\nHost: gateway\r\nContent-Length: 4\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n\r\n"
WHOLE = HEAD_OF_4 + b"body"
NOT_HTTP = b'{"error":"this is not HTTP/1.1"}'
TIMEOUT_S = 1.0


async def answer(scope, receive, send):
    """Answer without waiting for the body."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def read_and_answer(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await answer(scope, receive, send)


async def never_answer(scope, receive, send):
    await asyncio.Event().wait()


@pytest.fixture
def connect():
    def connect(app=answer):
        config = Config(app, http=Connection, access_log=False, log_config=None, ws="none", timeout_keep_alive=100)
        config.header_limits = HeaderLimits(max_bytes=400, max_headers=8, timeout_s=TIMEOUT_S)
        config.outbox = Outbox()
        config.load()
        connection, transport = Connection(config, ServerState(), {}), RecordingTransport()
        connection.connection_made(transport)
        return connection, transport

    return connect


async def receive(connection, *pieces):
    """The connection receives pieces, and the application does what it can after each."""
    for piece in pieces:
        connection.data_received(piece)
        await turns()


PIECES = {
    "nothing": ([], HEAD),
    "part of a head": ([HEAD_OF_4[:9]], HEAD),
    "parts of a head": ([HEAD_OF_4[:9], HEAD_OF_4[9:20]], HEAD),
    "a head": ([HEAD_OF_4], BODY),
    "a head in parts": ([HEAD_OF_4[:9], HEAD_OF_4[9:]], BODY),
    "a head and part of a body": ([HEAD_OF_4 + b"bo"], BODY),
    "a body that goes on after the answer": ([HEAD_OF_4, b"bo"], LEFTOVER),
    "a body that goes on and on after the answer": ([HEAD_OF_4, b"b", b"o"], LEFTOVER),
    "a body that ends after the answer": ([HEAD_OF_4, b"bo", b"dy"], IDLE),
    "a request": ([WHOLE], IDLE),
    "a request in parts": ([HEAD_OF_4[:9], HEAD_OF_4[9:], b"body"], IDLE),
    "two requests": ([WHOLE * 2], IDLE),
    "a request and part of the next": ([WHOLE + HEAD_OF_4[:9]], IDLE),
    "a request and the head of the next": ([WHOLE + HEAD_OF_4], BODY),
    "part of a head after a request": ([WHOLE, HEAD_OF_4[:9]], HEAD),
    "a head after a request": ([WHOLE, HEAD_OF_4], BODY),
    "a request after a request": ([WHOLE, WHOLE], IDLE),
    "what is not HTTP": ([b"\x16\x03\x01\r\n\r\n"], CLOSED),
    "what is not HTTP after a request": ([WHOLE, b"\x16\x03\x01\r\n\r\n"], CLOSED),
    "a chunk without a size": ([CHUNKED, b"no size\r\n"], CLOSED),
}
pieces_and_state = pytest.mark.parametrize(("pieces", "state"), PIECES.values(), ids=PIECES)


@pieces_and_state
async def test_pieces_lead_to_a_state(connect, pieces, state):
    connection, transport = connect()
    await receive(connection, *pieces)
    assert connection._state is state
    assert transport.closing == (state is CLOSED)


@pieces_and_state
def test_only_a_head_that_has_not_come_and_a_body_that_nobody_reads_are_timed(connect, pieces, state):
    async def scenario():
        connection, transport = connect()
        await receive(connection, *pieces)
        await asyncio.sleep(TIMEOUT_S * 0.9)
        assert transport.closing == (state is CLOSED)
        await asyncio.sleep(TIMEOUT_S * 0.2)
        assert transport.closing == (state in (HEAD, LEFTOVER, CLOSED))

    run(scenario())


@pytest.mark.parametrize("begin", [[HEAD_OF_4[:-2]], [HEAD_OF_4.replace(b"4", b"9"), b"b"]], ids=["a head", "a body after its answer"])
def test_what_drips_gets_no_more_time(connect, begin):
    async def scenario():
        connection, transport = connect()
        await receive(connection, *begin)
        for _ in range(3):
            await asyncio.sleep(TIMEOUT_S * 0.3)
            assert not transport.closing
            await receive(connection, b"a")
        await asyncio.sleep(TIMEOUT_S * 0.2)
        assert transport.closing

    run(scenario())


async def test_a_client_that_has_left_is_not_timed(connect):
    connection, _ = connect()
    await receive(connection, HEAD_OF_4[:9])
    connection.connection_lost(None)
    assert connection._state is CLOSED
    assert connection._timer is None


@pytest.mark.parametrize(
    "pieces",
    [
        [HEAD_OF_4[:-2] + b"x: y\r\n" * 8 + b"\r\n"],
        [HEAD_OF_4[:-2] + b"x: " + b"y" * 400 + b"\r\n\r\n"],
        [HEAD_OF_4[:-2] + b"x: ", b"y" * 400],
        [CHUNKED + b"0\r\n", b"x: y\r\n" * 9],
    ],
    ids=["too many headers", "too large a head", "too large a part of a head", "too many trailers"],
)
async def test_headers_over_the_limits_are_refused(connect, pieces):
    connection, transport = connect(read_and_answer)
    await receive(connection, *pieces)
    assert transport.sent.startswith(b"HTTP/1.1 431 ")
    assert transport.closing


async def test_a_large_body_is_no_large_head(connect):
    connection, transport = connect(read_and_answer)
    await receive(connection, HEAD_OF_4.replace(b"4", b"900") + b"b" * 500, b"b" * 400)
    assert transport.sent.startswith(b"HTTP/1.1 200 ")
    assert not transport.closing


@pytest.mark.parametrize("url", [b"http://a", b"http://a:99999/", b"/\xc3\xbc"])
async def test_a_url_that_cannot_be_read_is_refused_with_a_sentence(connect, url):
    bad = HEAD_OF_4.replace(b"/", url, 1)
    connection, transport = connect()
    await receive(connection, bad)
    assert transport.sent.startswith(b"HTTP/1.1 400 ")
    assert transport.sent.endswith(NOT_HTTP)
    assert transport.closing

    connection, transport = connect()
    await receive(connection, WHOLE, bad)
    assert transport.sent.startswith(b"HTTP/1.1 200 ")
    assert transport.sent.endswith(NOT_HTTP)


async def test_the_refusal_of_a_pipelined_request_is_not_taken_for_the_answer_of_the_one_before(connect):
    connection, transport = connect(never_answer)
    await receive(connection, WHOLE + CHUNKED + b"no size\r\n")
    assert transport.sent == b""
    assert transport.closing


@pytest.mark.parametrize("after", [HEAD_OF_4.replace(b"/", b"http://a", 1), b"\x16\x03\x01\r\n\r\n", b'!"}', b"\xc3\xa4"])
@pytest.mark.parametrize("at_once", [True, False])
async def test_a_request_is_answered_whatever_follows_it_and_then_the_connection_ends(connect, after, at_once):
    may_answer = asyncio.Event()

    async def slow(scope, receive, send):
        await may_answer.wait()
        await read_and_answer(scope, receive, send)

    connection, transport = connect(slow)
    await receive(connection, *([WHOLE + after] if at_once else [WHOLE, after]))
    assert not transport.closing
    await receive(connection, WHOLE)
    may_answer.set()
    await turns()
    assert transport.sent == b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    assert transport.closing


HEADS = {
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", "one Host"),
    "two Hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "one Host"),
    "two Hosts of HTTP/1.0": (b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "one Host"),
    "HTTP/2.0": (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "HTTP/1.1"),
    "no version": (b"GET /livez\r\n\r\n", "HTTP/1.1"),
    "compressed transfer": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "must be chunked"),
    "compressed transfer, apart": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "must be chunked",
    ),
    "chunked twice": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", ""),
    "chunked in HTTP/1.0": (b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "must be chunked"),
}


@pytest.mark.parametrize(("head", "sentence"), HEADS.values(), ids=HEADS)
async def test_a_head_that_a_proxy_may_read_otherwise_is_refused(connect, head, sentence):
    connection, transport = connect()
    await receive(connection, head)
    assert transport.sent.startswith(b"HTTP/1.1 400 ")
    assert sentence in transport.sent.decode()
    assert transport.closing


@pytest.mark.parametrize("head", [b"GET / HTTP/1.0\r\n\r\n", CHUNKED.replace(b"chunked", b"Chunked") + b"0\r\n\r\n"])
async def test_heads_that_are_sound_are_answered(connect, head):
    connection, transport = connect(read_and_answer)
    await receive(connection, head)
    assert transport.sent.startswith(b"HTTP/1.1 200 ")


async def refuse(scope, receive, send):
    await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"0"), (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": b""})


def test_after_a_refusal_the_body_is_read_on_for_a_while_so_that_the_client_sees_the_answer(connect):
    async def scenario(after):
        connection, transport = connect(refuse)
        await receive(connection, HEAD_OF_4.replace(b"4", b"99999999"))
        assert transport.sent.startswith(b"HTTP/1.1 413 ")
        assert not transport.closing
        await after(transport)
        assert transport.closing

    async def send_more(transport):
        for _ in range(32):
            transport.protocol.data_received(bytes(2**20))
            assert not transport.closing
        transport.protocol.data_received(b"a")

    async def wait(transport):
        await asyncio.sleep(TIMEOUT_S + 0.1)

    run(scenario(send_more))
    run(scenario(wait))


def test_a_whole_request_that_is_refused_ends_the_connection_at_once(connect):
    async def scenario():
        connection, transport = connect(refuse)
        await receive(connection, WHOLE)
        assert transport.closing

    run(scenario())


def test_what_comes_after_a_refusal_never_reaches_the_application(connect):
    reached = []

    async def app(scope, receive, send):
        reached.append(scope["path"])

    async def scenario():
        connection, transport = connect(app)
        await receive(connection, HEAD_OF_4[:9])
        await asyncio.sleep(TIMEOUT_S + 0.1)
        assert transport.is_closing()
        await receive(connection, HEAD_OF_4[9:] + b"body", WHOLE)
        assert connection._state is CLOSED

    run(scenario())
    assert reached == []


async def test_reading_goes_on_after_a_large_body_so_that_it_is_seen_when_the_client_leaves(connect):
    connection, transport = connect(never_answer)
    large = b"x" * 100_000
    await receive(connection, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n" + large)
    assert transport.reading is False
    await receive(connection, large)
    assert transport.reading is True
