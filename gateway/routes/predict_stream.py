"""`POST /v1/models/{model}:predictStream`: an instance a line in, a prediction or an error a line out, in order.

The window of lines in flight bounds memory and carries back-pressure: a client that does not read is not read from.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

import structlog
from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from gateway.calls.call import Call
from gateway.concurrency.ordered import Ordered
from gateway.concurrency.pace import Pace
from gateway.dialects import kserve_v1, ndjson
from gateway.dialects.ndjson import Line, Splitter
from gateway.dialects.whole_number import whole_number
from gateway.errors import INTERNAL_ERROR, GatewayError, InvalidRequest, Overloaded, TooLarge
from gateway.lane import Lane
from gateway.request.json_depth import require_shallow
from gateway.request.prediction import Item, Prediction
from gateway.request.priority import Priority
from gateway.routes.direct import DirectRoute
from gateway.routes.documentation.openapi import MODEL, REQUEST_HEADERS, RESPONSE_HEADERS, responses
from gateway.tasks import task_of
from gateway.tasks.task import Task, require_parameters

log = structlog.get_logger()
router = APIRouter(route_class=DirectRoute, tags=["predict"])
PAUSE_S = 0.02
"""A line that finds no permit waits and asks again, up to its deadline: a stream yields to requests, and is not shed."""


class LineStream(Response):
    """The answer to a stream of lines, made while they come; of priority `batch` unless X-Priority says another."""

    media_type = ndjson.MEDIA_TYPE

    def __init__(self, call: Call, lane: Lane, task: Task, parameters: Mapping[str, Any]) -> None:
        self._call, self._lane, self._task, self._parameters = call, lane, task, parameters
        self._limits, self._priority = call.stack.limits, call.priority(Priority.BATCH)
        self._read_over, self._pace = asyncio.Event(), Pace(self._limits.stream_window)
        self.status_code, self.background = 200, None
        self.init_headers({"X-Accel-Buffering": "no"})  # proxies that would wait for the whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer all lines, or as many as the client stays for."""
        answering = asyncio.create_task(self._answer(send))
        watching = asyncio.create_task(self._watch(receive))
        try:
            await asyncio.wait([answering, watching], return_when=asyncio.FIRST_COMPLETED)
        finally:
            left = not answering.done()
            for task in (answering, watching):
                task.cancel()
            await asyncio.gather(answering, watching, return_exceptions=True)
        if left:
            self._call.ctx.error = "the client left"
        else:
            answering.result()

    async def _watch(self, receive: Receive) -> None:
        """Until the client leaves: asked once the reading of its lines is over, by their end or because it has left."""
        await self._read_over.wait()
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _answer(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        ordered = Ordered(self._lines(), self._line, _size, max_pieces=self._limits.stream_window, max_bytes=self._limits.body.max_bytes)
        try:
            async with aclosing(ordered.results()) as results:
                async for together in results:
                    async with asyncio.timeout(self._limits.stream_stall_s):
                        await send({"type": "http.response.body", "body": b"".join(together), "more_body": True})
        except ClientDisconnect:
            self._call.ctx.error = "the client left"
        except TimeoutError:
            # without its end the client sees that the answer is not whole
            self._call.ctx.error = f"cut off: the client neither sent nor read for {self._limits.stream_stall_s:g} s"
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _lines(self) -> AsyncIterator[Line]:
        splitter = Splitter(self._limits.body.max_bytes)
        try:
            async with aclosing(self._call.request.stream()) as chunks:
                while (chunk := await self._next(chunks)) is not None:
                    for line in splitter.feed(chunk):
                        yield line
        finally:
            self._read_over.set()
        for line in splitter.end():
            yield line

    async def _next(self, chunks: AsyncGenerator[bytes, None]) -> bytes | None:
        async with asyncio.timeout(self._limits.stream_stall_s):
            return await anext(chunks, None)

    async def _line(self, line: Line) -> bytes:
        self._call.ctx.instances += 1
        try:
            if line.raw is None:
                raise TooLarge(f"the line has more than {self._limits.body.max_bytes} bytes; send a shorter instance")
            require_shallow(line.raw, "the line", self._limits.body.max_depth)
            items = ndjson.items(line.raw, self._lane.manifest, self._task, self._parameters, self._limits.max_text_bytes)
            return ndjson.answered(line.number, await self._predict(items), self._parameters)
        except GatewayError as exc:
            return ndjson.failed(line.number, exc)
        except Exception:
            log.exception("internal error", request_id=self._call.ctx.request_id, line=line.number)
            return ndjson.failed(line.number, GatewayError(INTERNAL_ERROR))

    async def _predict(self, items: list[Item]) -> Prediction:
        await self._call.stack.door.charge(self._call.ctx, len(items))
        clock = asyncio.get_running_loop().time
        deadline = math.inf
        while True:
            await self._pace.begin()
            deadline = min(deadline, clock() + self._call.timeout_s)
            try:
                prediction = await self._call.predict_part(self._lane, items, deadline, self._priority)
            except Overloaded:
                self._pace.shed()
                if clock() + PAUSE_S >= deadline:
                    raise
            else:
                self._pace.answered()
                return prediction
            finally:
                self._pace.end()
            await asyncio.sleep(PAUSE_S)


def _size(line: Line) -> int:
    return len(line.raw or b"")


_QUERY = [
    {
        "name": "version",
        "in": "query",
        "required": False,
        "description": "ask for this version, whatever the experiment says",
        "schema": {"type": "integer", "minimum": 1},
    },
    {
        "name": "parameters",
        "in": "query",
        "required": False,
        "description": "options of all lines, as in a prediction request",
        "content": {"application/json": {"schema": kserve_v1.Parameters.model_json_schema(), "example": {"top_k": 3}}},
    },
]
_LINES_IN = '"opec ministers agreed to cut crude oil output"\n{"text": "the bank of england left its lending rate unchanged"}\n'
_LINES_OUT = '{"line":1,"prediction":{"label":"crude","score":0.9871}}\n{"line":2,"error":"the line is not JSON in UTF-8","status":400}\n'
_RESPONSES: dict[int | str, dict[str, Any]] = {
    **responses(None, kserve_v1.Error),
    200: {
        "description": "a line for each line that is not empty, in order; an error is its line's alone",
        "headers": {name: header for name, header in RESPONSE_HEADERS.items() if name not in ("X-Cache", "Age")},
        "content": {ndjson.MEDIA_TYPE: {"schema": {"type": "string"}, "example": _LINES_OUT}},
    },
}


@router.post(
    "/v1/models/{model:name}:predictStream",
    summary="Predict a stream of lines",
    response_class=Response,
    responses=_RESPONSES,
    openapi_extra={
        "requestBody": {"required": True, "content": {ndjson.MEDIA_TYPE: {"schema": {"type": "string"}, "example": _LINES_IN}}},
        "parameters": [MODEL, *_QUERY, *REQUEST_HEADERS],
    },
)
async def predict_stream(request: Request) -> Response:
    """Any number of instances, one a line, by one version. Answers come while lines are sent: read while sending.

    X-Request-Timeout-Ms is each line's, and so is the limit of a body's size; the whole has neither.
    """
    call = await Call.enter(request)
    given = request.query_params.get("parameters", "{}")
    require_shallow(given.encode(), "the JSON of parameters", call.stack.limits.body.max_depth)
    parameters = ndjson.parse_parameters(given)
    lane = call.assign(request.path_params["model"], _version(request.query_params.get("version")))
    task = task_of(lane.manifest)
    require_parameters(task, lane.manifest.task, parameters)
    return LineStream(call, lane, task, parameters)


def _version(given: str | None) -> int | None:
    if given is None:
        return None
    if not (version := whole_number(given)):
        raise InvalidRequest("version: must be a whole number of at least 1")
    return version
