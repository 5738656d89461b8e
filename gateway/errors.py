"""Every error that a client can see, under the arrow where it happens.

    key ──▶ bytes ──▶ JSON ──▶ request ──▶ version ──▶ permit ──▶ tensors ──▶ answer
 401 403 429  408 413   400       422        404        429      502 503 504

Each class owns its status and a public message; foreign text is only logged.
"""

from typing import Self

INTERNAL_ERROR = "internal error; the log has the details under this request's id"
"""The message of an error that is our own fault."""


class StartError(Exception):
    """The gateway cannot start; the message is one sentence for the person at the terminal."""


class GatewayError(Exception):
    """An error with a status and a message that may be shown to the client."""

    status = 500
    retry_after_s: int | None = None
    param: str | None = None
    """The field of the request that is wrong, if one is; some dialects show it."""

    def __init__(self, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s or type(self).retry_after_s

    @classmethod
    def of_field(cls, param: str, sentence: str) -> Self:
        """The error of one field of a request: what is wrong with it."""
        error = cls(f"{param}: {sentence}")
        error.param = param
        return error


class MalformedRequest(GatewayError):
    """The bytes are malformed: not JSON, not UTF-8, or a header that cannot be read."""

    status = 400


class UnknownCoding(MalformedRequest):
    """The body is compressed in a way that the gateway does not know."""

    status = 415


class InvalidRequest(GatewayError):
    """The request is well-formed but invalid: a wrong type, too few or too many instances."""

    status = 422


class ItemFault(InvalidRequest):
    """The model cannot process this one item.

    `row` is what the model answered beside the reason (`gateway.request.row`).
    """

    def __init__(self, message: str, row: bytes) -> None:
        super().__init__(message)
        self.row = row


class UnsupportedOption(GatewayError):
    """The request is valid, but asks for something that this model cannot do."""

    status = 400


class Unauthenticated(GatewayError):
    """There is no API key, or the key is not known."""

    status = 401


class Forbidden(GatewayError):
    """The caller is known, but may not do this."""

    status = 403


class RateLimited(GatewayError):
    """A key or its tenant has used up its rate or its quota; `retry_after_s` says for how long."""

    status = 429

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StateUnavailable(GatewayError):
    """Redis state does not answer, and the request needs it."""

    status = 503
    retry_after_s = 2


class NotDurable(GatewayError):
    """Redis state may lose what it acknowledges, and this must not be lost."""

    status = 503


class StateConflict(GatewayError):
    """Somebody else changed the same thing at the same time."""

    status = 409


class PreconditionFailed(GatewayError):
    """What the client wants to change is not as `If-Match` or `If-None-Match` expects it."""

    status = 412


class PreconditionRequired(GatewayError):
    """The client must say in `If-Match` which version it changes."""

    status = 428


class TooSlow(GatewayError):
    """The client did not send its body in time."""

    status = 408


class ClientGone(GatewayError):
    """The client disconnected before its request was complete; only the log shows this."""

    status = 499


class NotFound(GatewayError):
    """There is no such model or version."""

    status = 404
    param = "model"


class TooLarge(GatewayError):
    """The body or a text is over its limit."""

    status = 413


class Overloaded(GatewayError):
    """The request was shed at admission: too many texts wait for the model."""

    status = 429
    retry_after_s = 1


class CallerLeft(GatewayError):
    """The client disconnected before its answer was complete; only the log shows this status."""

    status = 499


class Unsupported(GatewayError):
    """The gateway does not implement this part of a protocol."""

    status = 501


class BackendBroken(GatewayError):
    """Triton's response breaks the contract."""

    status = 502


class NotReady(GatewayError):
    """The model, or the Triton behind it, cannot answer now."""

    status = 503
    retry_after_s = 2


class PackageReplaced(NotReady):
    """Another package than the one that was asked answers for this version now.

    Its rows may not stand under the asked package's name, labels or cache keys.
    """

    retry_after_s = 1


class Unreachable(NotReady):
    """A Triton does not answer at all, for any version."""


class NotCached(GatewayError):
    """The client accepts only a cached answer, and there is none."""

    status = 504


class DeadlineExceeded(GatewayError):
    """The answer was not there before the request's deadline."""

    status = 504
