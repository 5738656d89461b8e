"""A collector of traces: an HTTP server that takes OTLP.

The gateway sends it as protobuf, Triton as JSON.
"""

import gzip
import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    links: tuple[str, ...]
    attributes: dict[str, object]
    start_ns: int
    end_ns: int


class TraceCollector:
    """Use as a context manager; `spans` holds the spans that have arrived."""

    def __init__(self):
        self.spans = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                read = _from_json if self.headers["Content-Type"] == "application/json" else _from_protobuf
                collector.spans.extend(read(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def named(self, name, trace_id=None):
        return [span for span in self.spans if span.name == name and trace_id in (None, span.trace_id)]

    def children(self, span):
        return sorted((other for other in self.spans if other.parent_id == span.span_id), key=lambda other: other.start_ns)


def _from_protobuf(body):
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = {pair.key: pair.value.string_value for pair in resource.resource.attributes}["service.name"]
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    service,
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    tuple(link.span_id.hex() for link in span.links),
                    {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in span.attributes},
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                )


def _from_json(body):
    for resource in json.loads(body)["resourceSpans"]:
        service = {pair["key"]: pair["value"].get("stringValue") for pair in resource["resource"]["attributes"]}["service.name"]
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                attributes = {pair["key"]: next(iter(pair["value"].values())) for pair in span.get("attributes", [])}
                times = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
                yield Span(service, span["name"], span["traceId"], span["spanId"], span.get("parentSpanId", ""), (), attributes, *times)
