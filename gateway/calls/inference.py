"""An inference over HTTP or gRPC: request → items → prediction → output tensors."""

from collections.abc import Sequence
from typing import NamedTuple

from gateway.calls.call import Call
from gateway.dialects.open_inference.request import InferRequest, Wanted
from gateway.dialects.open_inference.tensors import Output, items, outputs, outputs_of
from gateway.request.prediction import Prediction
from gateway.request.priority import Priority

PRIORITIES = {priority.value: priority for priority in Priority}
"""By Triton's priority levels; at any other level Triton takes its default, we take X-Priority."""


class Inference(NamedTuple):
    """A prediction, and the tensors of the outputs that were asked for."""

    prediction: Prediction
    wanted: Sequence[Wanted]
    outputs: Sequence[Output]


async def infer(call: Call, model: str, version: int | None, request: InferRequest) -> Inference:
    """Answer a request.

    As in Triton, an item that the model cannot process has the reason in the output ERROR, and it
    fails no other item.

    Raises:
        GatewayError: the request does not fit the model, or cannot be answered.
    """
    lane = call.assign(model, version)
    wanted = outputs_of(request.outputs, lane.manifest, binary=request.binary)
    limits = call.stack.request_limits
    asked = items(request.inputs, lane.manifest, max_items=limits.max_items, max_text_bytes=limits.max_text_bytes)
    call.ctx.instances = len(asked)
    priority = PRIORITIES.get(request.parameters.priority)
    prediction = await call.within(request.parameters.timeout_s).predict(lane, asked, partial=True, priority=priority)
    return Inference(prediction, wanted, outputs(prediction, wanted))
