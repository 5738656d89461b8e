"""The client on real sockets: keep-alive, closed connections, broken responses, time limits."""

import asyncio
import ssl

import pytest
import trustme
import uvloop

from gateway.triton.http1 import Broken, Client, Unsent

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Kind: greeting\r\n\r\nhello"


class Server:
    """Answers the requests on a connection by its script.

    In a script None closes the connection, and "wait" leaves the request unanswered.
    """

    def __init__(self, *scripts, tls=None):
        self.scripts, self.tls = [list(script) for script in scripts], tls
        self.connections, self.seen, self.read = 0, [], asyncio.Event()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        self.client = Client("127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_):
        self.client.close()
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader, writer):
        script = self.scripts[self.connections]
        self.connections += 1
        try:
            for answer in script:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                self.seen.append(head + await reader.readexactly(length))
                self.read.set()
                if answer is None:
                    break
                if answer == "wait":
                    await reader.read()
                    break
                for part in answer if isinstance(answer, list) else [answer]:
                    writer.write(part)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has left
        finally:
            writer.close()

    def ask(self, body=b"", timeout_s=5.0, headers=""):
        return self.client.request("POST", "/v2/x", body, timeout_s, headers)


async def test_requests_share_a_connection_that_is_kept():
    async with Server([OK, OK]) as server:
        first = await server.ask(b"one", headers="X-Id: 7\r\n")
        assert (first.status, first.body, first.headers[b"x-kind"]) == (200, b"hello", b"greeting")
        assert (await server.ask(b"two")).body == b"hello"
        assert server.connections == 1
        assert server.seen[0].startswith(b"POST /v2/x HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-Id: 7\r\nContent-Length: 3\r\n" % server.port)
        assert server.seen[1].endswith(b"\r\n\r\ntwo")


async def test_concurrent_requests_have_a_connection_each():
    async with Server([OK], [OK]) as server:
        answers = await asyncio.gather(server.ask(), server.ask())
        assert [answer.status for answer in answers] == [200, 200]
        assert server.connections == 2


async def test_a_kept_connection_that_the_server_closed_is_replaced():
    async with Server([OK, None], [OK]) as server:
        await server.ask()
        assert (await server.ask()).status == 200
        assert server.connections == 2


async def test_an_answer_in_pieces_is_put_together():
    chunked = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", b"llo\r\n", b"0\r\n\r\n"]
    async with Server([chunked, OK]) as server:
        assert (await server.ask()).body == b"hello"
        assert (await server.ask()).body == b"hello"


async def test_a_server_that_says_close_is_obeyed():
    closing = OK.replace(b"X-Kind: greeting", b"Connection: close")
    async with Server([closing], [OK]) as server:
        assert (await server.ask()).status == 200
        assert (await server.ask()).status == 200
        assert server.connections == 2


async def test_an_answer_that_ends_in_the_middle_is_broken_and_not_sent_again():
    async with Server([OK[:-2]], [OK]) as server:
        with pytest.raises(Broken):
            await server.ask()
        assert server.connections == 1


@pytest.mark.parametrize("noise", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"\x00" * 40])
async def test_what_is_not_http_is_broken(noise):
    async with Server([[noise]]) as server:
        with pytest.raises(Broken):
            await server.ask()


async def test_no_answer_in_time_closes_the_connection():
    async with Server(["wait"], [OK]) as server:
        with pytest.raises(TimeoutError):
            await server.ask(timeout_s=0.05)
        assert (await server.ask()).status == 200
        assert server.connections == 2


async def test_a_cancelled_request_does_not_leave_its_answer_to_the_next():
    async with Server(["wait"], [OK]) as server:
        asked = asyncio.ensure_future(server.ask())
        await server.read.wait()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert (await server.ask()).body == b"hello"
        assert server.connections == 2


async def test_nobody_there_is_unsent():
    async with Server() as server:
        port = server.port
    with pytest.raises(Unsent):
        await Client("127.0.0.1", port).request("GET", "/", b"", 5.0)


async def test_a_server_found_by_its_name_must_have_it_in_its_certificate():
    authority, ours = trustme.CA(), ssl.create_default_context()
    authority.configure_trust(ours)
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("triton.models.svc").configure_cert(theirs)
    async with Server([OK], [OK], tls=theirs) as server:
        named = Client("127.0.0.1", server.port, ours, name="triton.models.svc")
        assert (await named.request("POST", "/", b"", 5.0)).status == 200
        assert b"Host: triton.models.svc:%d\r\n" % server.port in server.seen[0]
        named.close()
        with pytest.raises(Unsent, match="certificate"):
            await Client("127.0.0.1", server.port, ours).request("POST", "/", b"", 5.0)


def test_it_runs_on_the_gateways_event_loop():
    async def ask():
        async with Server([OK, OK]) as server:
            return [(await server.ask()).body, (await server.ask()).body, server.connections]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(ask()) == [b"hello", b"hello", 1]
