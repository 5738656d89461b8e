import struct

import grpc
import pytest
from tritonclient.grpc import service_pb2 as pb

from gateway.bytes_tensor import packed
from gateway.errors import BackendBroken, DeadlineExceeded, ItemFault, NotReady, Overloaded
from gateway.triton import _rows, _translate


def response(scores, errors, tokens=()):
    message = pb.ModelInferResponse()
    for name in ("SCORES", "TOKENS", "ERROR"):
        message.outputs.add(name=name)
    packed = b"".join(struct.pack("<I", len(error)) + error for error in errors)
    counts = struct.pack(f"<{len(tokens)}i", *tokens)
    message.raw_output_contents.extend([struct.pack(f"<{len(scores)}f", *scores), counts, packed])
    return message


def test_rows_are_cut_in_order():
    rows = _rows(response([0.25, 0.75, 0.5, 0.5], [b"", b""], [7, 300]), items=2, output="SCORES", width=2)
    assert [struct.unpack("<2fi", row) for row in rows] == [(0.25, 0.75, 7), (0.5, 0.5, 300)]


def test_text_that_failed_gets_its_own_error_and_its_neighbours_their_rows():
    first, second, third = _rows(response([1.0, float("nan"), 0.5], [b"", b"not UTF-8", b""], [3, 0, 4]), items=3, output="SCORES", width=1)
    assert (first, third) == (struct.pack("<fi", 1.0, 3), struct.pack("<fi", 0.5, 4))
    assert isinstance(second, ItemFault)
    assert (second.message, second.row) == ("not UTF-8", struct.pack("<fi", float("nan"), 0))


def test_wrong_number_of_scores_breaks_the_contract():
    with pytest.raises(BackendBroken, match="8 bytes of SCORES, expected 2 × 2 × 4"):
        _rows(response([1.0, 0.0], [b"", b""], [3, 3]), items=2, output="SCORES", width=2)


def test_wrong_number_of_token_counts_breaks_the_contract():
    with pytest.raises(BackendBroken, match="4 bytes of token counts, expected 2 × 4"):
        _rows(response([1.0, 0.0], [b"", b""], [3]), items=2, output="SCORES", width=1)


def test_json_answers_are_cut_in_order_and_counted():
    message = pb.ModelInferResponse()
    for name, raw in {
        "ANSWER": packed([b"[]", b'{"a":1}']),
        "TOKENS": struct.pack("<2i", 3, 4),
        "ERROR": packed([b"", b""]),
    }.items():
        message.outputs.add(name=name)
        message.raw_output_contents.append(raw)
    assert _rows(message, items=2, output="ANSWER", width=None) == [b"[]" + struct.pack("<i", 3), b'{"a":1}' + struct.pack("<i", 4)]
    with pytest.raises(BackendBroken, match="answered 2 of ANSWER, expected 3"):
        _rows(message, items=3, output="ANSWER", width=None)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (grpc.StatusCode.UNAVAILABLE, NotReady),
        (grpc.StatusCode.NOT_FOUND, NotReady),
        (grpc.StatusCode.DEADLINE_EXCEEDED, DeadlineExceeded),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Overloaded),
        (grpc.StatusCode.INTERNAL, BackendBroken),
    ],
)
def test_grpc_status_becomes_one_of_ours_without_foreign_text(code, error):
    translated = _translate(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details="secret detail"))
    assert type(translated) is error
    assert "secret" not in translated.message


@pytest.mark.parametrize(
    ("details", "error"),
    [
        ("[request id: <id_unknown>] Exceeds maximum queue size", Overloaded),
        ("Request timeout expired", DeadlineExceeded),
        ("Request for unknown model: 'topics' version 1 is not at ready state", NotReady),
    ],
)
def test_what_tritons_queue_refuses_is_told_from_a_triton_that_is_not_ready(details, error):
    unavailable = grpc.StatusCode.UNAVAILABLE
    translated = _translate(grpc.aio.AioRpcError(unavailable, grpc.aio.Metadata(), grpc.aio.Metadata(), details=details))
    assert type(translated) is error
    assert details not in translated.message
