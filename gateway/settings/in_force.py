"""What is in force now: what the runtime settings say, and the settings where those say nothing."""

from gateway.admission.queue_limits import QueueLimits
from gateway.request.json_limits import JsonLimits
from gateway.request.request_limits import BodyLimits, RequestLimits
from gateway.settings.runtime import Runtime, RuntimeLimits
from gateway.settings.settings import Settings


def request_limits(settings: Settings, runtime: Runtime) -> RequestLimits:
    """What one request may ask for."""
    now = settings.model_dump(include=set(RuntimeLimits.model_fields)) | runtime.current.limits.given()
    return RequestLimits(
        body=BodyLimits(now["max_body_bytes"], settings.body_timeout_s, JsonLimits(settings.max_json_depth, settings.max_json_values)),
        max_items=now["max_items"],
        max_text_bytes=now["max_text_bytes"],
        request_timeout_s=now["request_timeout_ms"] / 1e3,
        timeout_per_item_s=now["request_timeout_per_item_ms"] / 1e3,
        max_request_timeout_s=now["max_request_timeout_ms"] / 1e3,
        stream_window=settings.stream_window,
        stream_stall_s=settings.stream_stall_s,
    )


def queue_limits(settings: Settings, runtime: Runtime, model: str) -> QueueLimits:
    """What may wait for each version of a model."""
    given = runtime.current.of_model(model)
    return QueueLimits(
        given.max_pending or settings.max_pending,
        settings.max_pending_bytes,
        settings.target_latency_ms / 1e3,
        settings.batch_share,
        given.max_in_flight or settings.max_in_flight,
    )
