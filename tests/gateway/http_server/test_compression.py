"""Responses of the framework's routes, compressed without keeping the event loop."""

import gzip
import json
import random
import time

import pytest
import zstandard
from timed import timed

from gateway.http_server.compression import Compression
from gateway.http_server.content_coding import MIN_BYTES, Encoder
from gateway.request.context import CONTEXT, RequestContext

DRAWN = random.Random(7)
LARGE = json.dumps([DRAWN.random() for _ in range(400_000)]).encode()
DECODE = {"gzip": gzip.decompress, "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body)}


def answering(*pieces):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        for number, piece in enumerate(pieces, 1):
            await send({"type": "http.response.body", "body": piece, "more_body": number < len(pieces)})

    return app


async def answered(coding, *pieces):
    """The body as it was compressed, and the CPU time of the event loop's thread."""
    sent = []

    async def send(message):
        sent.append(message)

    ctx = RequestContext("id", {"accept-encoding": coding})
    scope = {"type": "http", "path": "/openapi.json", CONTEXT: ctx}
    begun = time.thread_time()
    await Compression(answering(*pieces))(scope, None, send)
    return b"".join(message.get("body", b"") for message in sent), time.thread_time() - begun


@timed
@pytest.mark.parametrize("coding", ["gzip", "zstd"])
@pytest.mark.parametrize("pieces", [[LARGE], [LARGE[:1000], LARGE[1000:], b""]], ids=["whole", "in pieces"])
async def test_a_large_body_is_not_compressed_on_the_event_loop(coding, pieces):
    begun = time.thread_time()
    Encoder(coding).feed(LARGE, last=True)
    on_the_loop_s = time.thread_time() - begun
    body, loop_s = await answered(coding, *pieces)
    assert DECODE[coding](body) == LARGE
    assert loop_s < on_the_loop_s / 4


async def test_a_body_too_small_to_gain_goes_as_it_is():
    assert (await answered("gzip", LARGE[: MIN_BYTES - 1]))[0] == LARGE[: MIN_BYTES - 1]
    assert gzip.decompress((await answered("gzip", LARGE[:MIN_BYTES]))[0]) == LARGE[:MIN_BYTES]
