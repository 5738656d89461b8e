"""What a connection does with the pieces that a client sends, on a transport that writes them down."""

import asyncio

import pytest
from uvicorn.server import ServerState

from gateway.http_server.connection import Config, Connection, HeaderLimits
from gateway.http_server.whole_responses import Outbox

HEAD = b"POST / HTTP/1.1\r\nHost: gateway\r\nContent-Length: 4\r\n\r\n"
NOT_HTTP = b'{"error":"this is not HTTP/1.1"}'


class Transport(asyncio.Transport):
    """Writes down what is sent."""

    def __init__(self):
        super().__init__()
        self.sent, self.closing = b"", False

    def write(self, data):
        assert not self.closing
        self.sent += data

    def close(self):
        self.closing = True

    def is_closing(self):
        return self.closing

    def pause_reading(self):
        pass

    def resume_reading(self):
        pass


async def answer(scope, receive, send):
    """Answer without waiting for the body."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def never_answer(scope, receive, send):
    await asyncio.Event().wait()


@pytest.fixture
def connect():
    def connect(app=answer):
        config = Config(app, http=Connection, access_log=False, log_config=None, ws="none")
        config.head_limits, config.outbox = HeaderLimits(max_bytes=400, max_headers=8, timeout_s=1.0), Outbox()
        config.load()
        connection, transport = Connection(config, ServerState(), {}), Transport()
        connection.connection_made(transport)
        return connection, transport

    return connect


async def turns():
    """Let the application answer."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("url", [b"http://a", b"http://a:99999/", b"/\xc3\xbc"])
async def test_a_url_that_cannot_be_read_is_refused_with_a_sentence(connect, url):
    bad = HEAD.replace(b"/", url, 1)
    connection, transport = connect()
    connection.data_received(bad)
    assert transport.sent.startswith(b"HTTP/1.1 400 ")
    assert transport.sent.endswith(NOT_HTTP)
    assert transport.closing

    connection, transport = connect()
    connection.data_received(HEAD + b"body")
    await turns()
    connection.data_received(bad)
    assert transport.sent.startswith(b"HTTP/1.1 200 ")
    assert transport.sent.endswith(NOT_HTTP)


async def test_the_refusal_of_a_pipelined_request_is_not_taken_for_the_answer_of_the_one_before(connect):
    connection, transport = connect(never_answer)
    connection.data_received(HEAD + b"body" + HEAD.replace(b"/", b"http://a", 1))
    assert transport.sent == b""
    assert transport.closing
