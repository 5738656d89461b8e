"""Bodies of requests, read without keeping the event loop."""

import time
import zlib
from types import SimpleNamespace

from starlette.requests import Request
from timed import timed

from gateway.http_server.body import read_body
from gateway.http_server.connection import WHOLE_BODY
from gateway.http_server.content_coding import decoded
from gateway.request.body_room import BodyRoom
from gateway.request.context import RequestContext
from gateway.request.json_limits import JsonLimits
from gateway.request.request_limits import BodyLimits

APP = SimpleNamespace(state={"bodies": BodyRoom()})
PLAIN = b"a" * 2**23
LIMITS = BodyLimits(len(PLAIN), timeout_s=1.0, json=JsonLimits(max_depth=8, max_values=8))
PACKED = zlib.compress(PLAIN, 9)


@timed
async def test_a_small_body_that_unpacks_to_a_large_one_is_not_unpacked_on_the_event_loop():
    async def receive():
        return {"type": "http.request", "body": PACKED, "more_body": False}

    begun = time.thread_time()
    decoded(PACKED, "deflate", len(PLAIN))
    on_the_loop_s = time.thread_time() - begun
    request = Request({"type": "http", "app": APP, WHOLE_BODY: True}, receive)
    begun = time.thread_time()
    body = await read_body(request, RequestContext("id", {"content-encoding": "deflate"}), LIMITS)
    assert time.thread_time() - begun < on_the_loop_s / 4
    assert body == PLAIN
