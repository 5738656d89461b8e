"""What the gateway leans on inside uvicorn, which promises none of it.

Where one of these fails after an upgrade, its message says what to look at. `pyproject.toml` bounds
uvicorn's version for the same reason: raise the bound when these pass.
"""

import asyncio
import inspect
import pickle
import signal

import httptools
import pytest
import uvicorn
from recording_transport import RecordingTransport, turns
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState
from uvicorn.supervisors import Multiprocess

from gateway.http_server.connection import Config, Connection, HeaderLimits
from gateway.http_server.whole_responses import Outbox, WholeResponses

REQUEST = b"POST / HTTP/1.1\r\nHost: gateway\r\nContent-Length: 4\r\n\r\nbody"


METHODS = [
    (HttpToolsProtocol, "__init__", ["config", "server_state", "app_state", "_loop"], "Connection.__init__ passes these on"),
    (HttpToolsProtocol, "connection_made", ["transport"], "Connection.connection_made puts WholeResponses in the transport's place"),
    (HttpToolsProtocol, "connection_lost", ["exc"], "Connection.connection_lost ends what waits for the client"),
    (HttpToolsProtocol, "data_received", ["data"], "Connection.data_received takes its place"),
    (HttpToolsProtocol, "on_headers_complete", [], "Connection.on_headers_complete checks the head before uvicorn begins the request"),
    (HttpToolsProtocol, "on_message_complete", [], "Connection.on_message_complete marks whole bodies in the scope"),
    (HttpToolsProtocol, "_unset_keepalive_if_required", [], "Connection._feed calls it, as uvicorn's data_received does"),
    (uvicorn.Server, "handle_exit", ["sig", "frame"], "Drain.on_sigterm calls it when the delay is over"),
    (Multiprocess, "__init__", ["config", "sockets"], "gateway.__main__ starts workers with it"),
    (Multiprocess, "restart_all", [], "Workers.restart_all gives new workers more time in it"),
]


@pytest.mark.parametrize(
    ("owner", "name", "parameters", "look_at"), METHODS, ids=[f"{owner.__name__}.{name}" for owner, name, *_ in METHODS]
)
def test_methods_have_the_parameters_that_we_use(owner, name, parameters, look_at):
    method = getattr(owner, name, None)
    assert method is not None, f"uvicorn's {owner.__name__} has no {name} any more; {look_at}"
    found = [parameter for parameter in inspect.signature(method).parameters if parameter != "self"]
    assert found == parameters, f"{owner.__name__}.{name} takes {found}, no longer {parameters}; {look_at}"


def test_data_received_does_no_more_than_what_takes_its_place():
    used = set(HttpToolsProtocol.data_received.__code__.co_names)
    known = {
        *("_unset_keepalive_if_required", "parser", "feed_data", "httptools", "HttpParserError", "HttpParserUpgrade"),
        # answers to what is no HTTP and to upgrades; ours are others
        *("logger", "warning", "send_400_response", "_should_upgrade", "handle_websocket_upgrade", "_unsupported_upgrade_warning"),
    }
    assert used == known, f"uvicorn's data_received uses {sorted(used ^ known)} otherwise than before; look at Connection._feed"


async def answer(scope, receive, send):
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})


def config(app):
    made = Config(app, http=Connection, access_log=False, log_config=None, ws="none")
    made.header_limits, made.outbox = HeaderLimits(max_bytes=400, max_headers=8, timeout_s=1.0), Outbox()
    return made


@pytest.fixture
async def connection():
    loaded = config(answer)
    loaded.load()
    assert loaded.http_protocol_class is Connection, "uvicorn takes no protocol class as `http` any more; look at gateway.__main__"
    connection = Connection(loaded, ServerState(), {})
    connection.connection_made(RecordingTransport())
    return connection


async def test_a_protocol_has_the_attributes_that_we_read_and_set(connection):
    look_at = "look at Connection"
    assert connection.cycle is None, f"`cycle` is no longer None before the first request; {look_at}._can_answer"
    assert connection.loop is asyncio.get_running_loop(), f"`loop` is not the event loop; {look_at}._set_timer"
    assert connection.server_state.default_headers == [], f"`default_headers` are no list of pairs; {look_at}._refuse"
    connection.data_received(REQUEST)
    assert (connection.url, connection.headers) == (b"/", [(b"host", b"gateway"), (b"content-length", b"4")]), (
        f"`url` and `headers` are no longer the bytes of the head, names in lower case; {look_at}._feed and ._size"
    )
    assert connection.scope is connection.cycle.scope, f"`scope` is not the request's; {look_at}.on_message_complete"
    assert connection.cycle.transport is connection.transport, f"responses do not go through `transport`; {look_at}.connection_made"
    assert isinstance(connection.transport, WholeResponses)
    cycle = connection.cycle
    assert (cycle.response_started, cycle.response_complete) == (False, False), f"a new cycle is not unanswered; {look_at}._can_answer"
    assert cycle.keep_alive is True, f"`keep_alive` is no longer the cycle's; {look_at}._refuse"
    connection.flow.resume_reading()  # Connection._lingers calls it
    assert not connection.pipeline, f"`pipeline` has a request that waits for none; {look_at}._can_answer"
    connection.data_received(REQUEST)
    assert len(connection.pipeline) == 1, f"`pipeline` does not have a request that waits for the one before; {look_at}._can_answer"
    await turns()
    assert (cycle.response_started, cycle.response_complete) == (True, True), f"an answered cycle says that it is not; {look_at}"


async def test_a_head_and_a_body_are_a_write_each(connection):
    connection.transport = below = RecordingTransport()  # in place of WholeResponses
    connection.data_received(REQUEST)
    await turns()
    head, body = below.writes
    assert head.startswith(b"HTTP/1.1 200 "), "uvicorn's first write of a response is not its head; look at WholeResponses.write"
    assert body == b"{}", "uvicorn's second write of a response is not its body; look at WholeResponses.write"


def test_status_lines_are_whole():
    assert STATUS_LINE[431] == b"HTTP/1.1 431 Request Header Fields Too Large\r\n", "look at Connection._refuse"


def test_workers_get_what_we_add_to_the_configuration():
    copy = pickle.loads(pickle.dumps(config("gateway.app:create_app")))  # noqa: S301 - as uvicorn's supervisor does
    assert copy.header_limits == HeaderLimits(400, 8, 1.0), "uvicorn's Config drops attributes when pickled; look at connection.Config"
    assert isinstance(copy.outbox, Outbox)


def test_the_handler_of_sigterm_is_the_servers_while_it_serves():
    server = uvicorn.Server(config(answer))
    with server.capture_signals():
        assert signal.getsignal(signal.SIGTERM) == server.handle_exit, "uvicorn handles SIGTERM in another way; look at Drain.on_sigterm"


def test_the_parser_tells_why_it_stopped():
    class Refused(Exception):
        pass

    class Refuses:
        def on_headers_complete(self):
            raise Refused

    with pytest.raises(httptools.HttpParserError) as caught:
        httptools.HttpRequestParser(Refuses()).feed_data(REQUEST)
    assert isinstance(caught.value.__context__, Refused), "httptools hides what a callback raised; look at Connection._feed"

    head = b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    with pytest.raises(httptools.HttpParserUpgrade) as caught:
        httptools.HttpRequestParser(object()).feed_data(head + b"rest")
    assert caught.value.args[0] == len(head), "httptools does not say where the other protocol begins; look at Connection._feed"


def test_a_restart_of_workers_waits_for_new_ones_as_long_as_the_configuration_says():
    assert "timeout_worker_healthcheck" in Multiprocess.restart_all.__code__.co_names, "look at Workers.restart_all"
    assert "timeout_worker_healthcheck" in Multiprocess.keep_subprocess_alive.__code__.co_names, "look at gateway.__main__.server_config"
