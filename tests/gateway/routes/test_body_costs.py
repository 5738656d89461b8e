"""A body costs what it weighs: the largest of anything takes little of the loop and of memory.

What is measured is the CPU time and the peak of resident memory of the whole request, in a process
that answers it beside the client; and of the CPU time, the part of the event loop's thread.
"""

import contextlib
import ctypes
import gc
import hashlib
import json
import re
import time
import zlib
from functools import cache
from pathlib import Path

import pytest
import zstandard
from bodies import BODIES, HERE, TASKS, TENSOR, filled
from starlette.testclient import TestClient
from timed import timed
from tritonclient.grpc import service_pb2 as pb

from gateway.app import create_app
from gateway.errors import GatewayError
from gateway.fakes.manifests import make_manifest
from gateway.fakes.state import FakeState
from gateway.fakes.triton import FakeTriton
from gateway.grpc_server import messages
from gateway.settings.settings import Settings

pytestmark = timed
BODY_BYTES = 2**23
ORDINARY_BYTES = 2**21
MAX_LOOP_S = MAX_CPU_S = 0.3
"""Of the loop for the largest body, and of all threads together for an ordinary one."""
MAX_GROWTH_BYTES = 100e6
WEIGHT = BODY_BYTES / ORDINARY_BYTES
OF_A_BODY = {"max_cpu_s": MAX_CPU_S * WEIGHT, "max_bytes": MAX_GROWTH_BYTES * WEIGHT}
KEY = "hr_of_the_tests"
PUT = ("/limits", "/experiments/lora")
_LIBC = ctypes.CDLL(None)

HOSTILE = {
    "numbers": lambda n: b"[" + b"1," * (n // 2 - 2) + b"1]",
    "big numbers": lambda n: b"[" + (b"9" * 4300 + b",") * (n // 4301 - 1) + b"1]",
    "one number": lambda n: b"1" * n,
    "texts": lambda n: b"[" + b'"",' * (n // 3 - 2) + b'""]',
    "lists": lambda n: b"[" + b"[]," * (n // 3 - 2) + b"[]]",
    "objects": lambda n: b"[" + b"{}," * (n // 3 - 2) + b"{}]",
    "members": lambda n: b"{" + b",".join(b'"%06x":1' % i for i in range(n // 11)) + b"}",
    "members of lists": lambda n: b"{" + b",".join(b'"%06x":[]' % i for i in range(n // 12)) + b"}",
    "one member": lambda n: b"{" + b'"":1,' * (n // 5 - 2) + b'"":1}',
    "objects of unknown members": lambda n: b"[" + b'{"a":1},' * (n // 8 - 2) + b"{}]",
    "depth": lambda n: b"[" * (n // 2) + b"]" * (n // 2),
    "escapes": lambda n: b'"' + rb"\u00e4" * (n // 6 - 1) + b'"',
    "quotes": lambda n: b'"' + rb"\"" * (n // 2 - 2) + b'"',
    "brackets in a text": lambda n: b'"' + b"[:," * (n // 3 - 2) + b'"',
    "as many lists as are allowed": lambda n: b"[" + b"[]," * 49_000 + b"[]]",
    "as many texts as are allowed": lambda n: b"[" + b'"",' * 99_900 + b'""]',
    "as many numbers as are allowed": lambda n: b"[" + b"1000," * 399_900 + b"1]",
    "as many members as are allowed": lambda n: b"{" + b",".join(b'"%06x":[]' % i for i in range(9_990)) + b"}",
    "nothing": lambda n: b" " * n,
    "no JSON": lambda n: b"\xff" * n,
}
"""JSON of about n bytes."""


@pytest.fixture(scope="module")
def client():
    triton = FakeTriton(*(make_manifest(model, 1, task) for model, task in TASKS.items()))
    admin = f"ops:{hashlib.sha256(KEY.encode()).hexdigest()}:predict+admin+experiments+feedback"
    settings = Settings(auth="keys", api_keys=admin, max_body_bytes=BODY_BYTES, default_models="root=minilm")
    app = create_app(settings, triton=triton, state=FakeState())
    with TestClient(app, raise_server_exceptions=False, headers={"Authorization": f"Bearer {KEY}"}) as client:
        yield client
    gc.unfreeze()


def peak_bytes():
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024


class Cost:
    """CPU time and growth of the peak of resident memory inside; with a client, its loop's too."""

    def __init__(self, client=None, *, max_cpu_s=MAX_CPU_S, max_bytes=MAX_GROWTH_BYTES):
        self._client, self._max_cpu_s, self._max_bytes = client, max_cpu_s, max_bytes
        self.loop_s = 0.0

    def _looped_s(self):
        return self._client.portal.call(time.thread_time) if self._client else 0.0

    def __enter__(self):
        self._loop_begun = self._looped_s()
        _LIBC.malloc_trim(0)  # what earlier bodies left free hides nothing of this one
        Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to what is resident now
        self._bytes, self._begun = peak_bytes(), time.process_time()
        return self

    def __exit__(self, *_):
        self.cpu_s = time.process_time() - self._begun
        self.bytes = peak_bytes() - self._bytes
        self.loop_s = self._looped_s() - self._loop_begun

    def __repr__(self):
        return f"{self.cpu_s:.2f} s of CPU, {self.loop_s:.2f} s of the loop, {self.bytes / 1e6:.0f} MB"

    @property
    def is_too_high(self):
        return self.loop_s > MAX_LOOP_S or self.cpu_s > self._max_cpu_s or self.bytes > self._max_bytes


@cache
def hostile_json(kind, size):
    return HOSTILE[kind](size - 500)


def hostile_body(body, kind, size=BODY_BYTES):
    return filled(body, lambda _: hostile_json(kind, size), size)


@pytest.mark.parametrize(("path", "body"), BODIES, ids=lambda value: value if isinstance(value, str) else json.dumps(value))
def test_a_body_costs_what_it_weighs(client, path, body):
    dear = {}
    for hostile in HOSTILE:
        # what is let in costs as much in a small body as in the largest
        content = hostile_body(body, hostile, ORDINARY_BYTES)
        with Cost(client) as cost:
            answer = client.request("PUT" if path.endswith(PUT) else "POST", path, content=content)
        assert len(content) <= ORDINARY_BYTES
        assert answer.status_code in {200, 400, 404, 413, 422}, (hostile, answer.text[:200])
        if cost.is_too_high:
            dear[hostile] = cost
    assert dear == {}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_the_largest_body_costs_what_it_weighs(client, hostile):
    content = hostile_body({"instances": HERE}, hostile)
    with Cost(client, **OF_A_BODY) as cost:
        answer = client.post("/v1/models/topics:predict", content=content)
    assert len(content) <= BODY_BYTES
    assert answer.status_code in {200, 400, 413, 422}, answer.text[:200]
    assert not cost.is_too_high, cost


SHARED = "x" * 7_500_000
MANY = [f"text {number}" for number in range(2000)]
SHARING = {
    "a template": (
        "/v1/models/labels:predict",
        {"instances": MANY, "parameters": {"candidate_labels": ["a"], "hypothesis_template": SHARED}},
    ),
    "a template of Hugging Face": (
        "/models/labels",
        {"inputs": MANY, "parameters": {"candidate_labels": ["a"], "hypothesis_template": SHARED}},
    ),
    "labels": ("/v1/models/labels:predict", {"instances": MANY, "parameters": {"candidate_labels": [f"{i:0>700}" for i in range(10_000)]}}),
    "a query": ("/v1/rerank", {"model": "ranker", "query": SHARED[:120_000], "documents": MANY}),
    "a query of TEI": ("/rerank", {"query": SHARED[:120_000], "texts": MANY}),
    "a query of KServe": ("/v1/models/ranker:predict", {"instances": [{"query": SHARED[:120_000], "documents": MANY}]}),
}


@pytest.mark.parametrize("kind", SHARING)
def test_what_all_texts_of_a_request_share_costs_what_it_weighs(client, kind):
    path, body = SHARING[kind]
    content = json.dumps(body).encode()
    with Cost(client, **OF_A_BODY) as cost:
        answer = client.post(path, content=content)
    assert answer.status_code == 413, answer.text[:200]
    assert not cost.is_too_high, cost


def test_every_path_that_takes_a_body_is_measured(client):
    measured = {path for path, _ in BODIES}
    document = client.get("/openapi.json").json()["paths"]
    taking = {path for path, methods in document.items() if any("requestBody" in method for method in methods.values())}
    patterns = {path: re.compile(re.sub(r"{[a-z_]+}", "[^/:]+", path)) for path in taking}
    of_models = {path for path in taking if path.startswith("/models/{model}/")}  # as the same path without a model
    assert {path for path, pattern in patterns.items() if not any(map(pattern.fullmatch, measured))} - of_models == {
        "/",  # as /models/{model}
        "/v2/models/{model}/versions/{version}/infer",  # as without a version
    }


def tensor(name="TEXT", rows=1, size=0):
    return {"name": name, "shape": [rows, 1], "datatype": "BYTES", "parameters": {"binary_data_size": size}}


def binary(inputs, tail):
    head = json.dumps({"inputs": inputs}).encode()
    return head + tail, {"Inference-Header-Content-Length": str(len(head))}


EMPTY_TEXTS = bytes(2_000_000)
BINARY = {
    "empty texts": binary([tensor(size=len(EMPTY_TEXTS), rows=500_000)], EMPTY_TEXTS),
    "empty texts in many tensors": binary([tensor(size=200_000, rows=50_000)] * 10, EMPTY_TEXTS),
    "many tensors": binary([tensor()] * 15_000, b""),
    "one text": binary([tensor(size=len(EMPTY_TEXTS))], (len(EMPTY_TEXTS) - 4).to_bytes(4, "little") + EMPTY_TEXTS[4:]),
    "the whole body is the text": (EMPTY_TEXTS, {"Inference-Header-Content-Length": "0"}),
}


@pytest.mark.parametrize("kind", BINARY)
def test_a_binary_tensor_costs_what_it_weighs(client, kind):
    content, headers = BINARY[kind]
    with Cost(client, **OF_A_BODY) as cost:
        answer = client.post("/v2/models/topics/infer", content=content, headers=headers)
    assert answer.status_code in {400, 413}, answer.text[:200]
    assert not cost.is_too_high, cost


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_body_that_was_packed_costs_what_it_weighs_unpacked(client, coding, hostile):
    packer = zlib.compressobj(9, wbits=31 if coding == "gzip" else 15)
    content = packer.compress(hostile_body({"inputs": [TENSOR | {"data": HERE}]}, hostile)) + packer.flush()
    with Cost(client, **OF_A_BODY) as cost:
        answer = client.post("/v2/models/topics/infer", content=content, headers={"Content-Encoding": coding})
    assert answer.status_code in {400, 413}
    assert not cost.is_too_high, cost


def packed(coding, plain):
    if coding == "zstd":
        return zstandard.compress(plain)
    packer = zlib.compressobj(9, wbits=31 if coding == "gzip" else 15)
    return packer.compress(plain) + packer.flush()


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
@pytest.mark.parametrize("plain", [b"\n" * 2**23, b" \n" * 2**22, b"x" * 2**23], ids=["empty lines", "blank lines", "one long line"])
def test_a_stream_of_few_packed_bytes_costs_little(client, coding, plain):
    with Cost(client, **OF_A_BODY) as cost:
        answer = client.post("/v1/models/topics:predictStream", content=packed(coding, plain), headers={"Content-Encoding": coding})
    assert answer.status_code == 200
    assert not cost.is_too_high, cost


BOMB_BYTES = 2**30
BOMBS = {
    "one long line": b"x",
    "empty lines": b"\n",
    "blank lines": b" \n",
}


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
@pytest.mark.parametrize("kind", BOMBS)
def test_a_stream_that_unpacks_to_a_gigabyte_is_cut_off_at_the_limit_of_a_line(client, coding, kind):
    part_bytes = 2**25
    bomb = packed(coding, BOMBS[kind] * (part_bytes // len(BOMBS[kind]))) * (BOMB_BYTES // part_bytes)
    content = packed(coding, b'"one"\n') + bomb
    with Cost(client, **OF_A_BODY) as cost:
        answer = client.post("/v1/models/topics:predictStream", content=content, headers={"Content-Encoding": coding})
    assert [json.loads(line).get("status") for line in answer.text.splitlines()] == [None, 413]
    assert not cost.is_too_high, cost


def test_a_stream_of_many_empty_parts_is_cut_off(client):
    content = packed("zstd", b'"one"\n') + zstandard.compress(b"") * 100_000
    with Cost(client, **OF_A_BODY) as cost:
        answer = client.post("/v1/models/topics:predictStream", content=content, headers={"Content-Encoding": "zstd"})
    assert [json.loads(line).get("status") for line in answer.text.splitlines()] == [None, 400]
    assert not cost.is_too_high, cost


def test_a_stream_whose_lines_are_packed_one_by_one_may_have_any_number_of_parts(client):
    lines = 2000
    content = packed("gzip", b'"one"\n') * lines
    answer = client.post("/v1/models/topics:predictStream", content=content, headers={"Content-Encoding": "gzip"})
    assert ["prediction" in json.loads(line) for line in answer.text.splitlines()] == [True] * lines


def test_a_body_of_many_parts_costs_little(client):
    body = zstandard.compress(b"") * 999 + zstandard.compress(json.dumps({"instances": ["a"]}).encode())
    with Cost(client, **OF_A_BODY) as cost:
        client.post("/v1/models/topics:predict", content=body + bytes(BODY_BYTES - len(body)), headers={"Content-Encoding": "zstd"})
    assert not cost.is_too_high, cost


def test_a_bomb_is_unpacked_no_further_than_a_body_may_be_large(client):
    bomb = zlib.compress(b" " * 10**8, 9)
    with Cost(client, **OF_A_BODY) as cost:
        answer = client.post("/v2/models/topics/infer", content=bomb, headers={"Content-Encoding": "deflate"})
    assert answer.status_code == 413
    assert not cost.is_too_high, cost


def field(number, content=b""):
    """A field of a protobuf message that holds bytes or a message."""
    size, varint = len(content), b""
    while size > 127:
        varint += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + varint + bytes([size]) + content


INPUTS, OUTPUTS, RAW, PARAMETERS = 5, 6, 7, 4
NAMED = b"".join(field(PARAMETERS, field(1, b"%06x" % i)) for i in range(180_000))
MESSAGES = {
    "inputs": field(INPUTS) * 2**20,
    "outputs": field(OUTPUTS) * 2**20,
    "contents": field(RAW) * 2**20,
    "parameters": NAMED,
    "shape": field(INPUTS, field(3, b"\x81\x01" * 2**20)),
    "texts": field(INPUTS, field(5, field(8) * 2**20)),
    "parameters of an input": field(INPUTS, NAMED),
    "parameters of an output": field(INPUTS, field(1, b"TEXT")) + field(OUTPUTS, NAMED),
    "empty texts": field(INPUTS, field(1, b"TEXT")) + field(RAW, EMPTY_TEXTS),
    "unknown fields": field(15) * 2**20,
}


@pytest.mark.parametrize("kind", MESSAGES)
def test_a_grpc_message_costs_what_it_weighs(kind):
    with Cost() as cost, contextlib.suppress(GatewayError):
        messages.parse(pb.ModelInferRequest.FromString(MESSAGES[kind]))
    assert not cost.is_too_high, cost
