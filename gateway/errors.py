"""Every error that a client can see, on the arrow where it happens.

    key ──▶ bytes ──▶ JSON ──▶ request ──▶ version ──▶ permit ──▶ tensors ──▶ answer
 401 403 429  408 413   400       422        404        429      502 503 504

Each class owns its status and a public message; foreign text goes to the log only.
"""

INTERNAL_ERROR = "internal error; the log has the details under this request's id"
"""What clients are told of a fault that is nobody's but ours."""


class StartError(Exception):
    """The gateway cannot start; the message is one sentence for the person at the terminal."""


class GatewayError(Exception):
    """An error with a status and a message that may be shown to the client."""

    status = 500
    retry_after_s: int | None = None
    param: str | None = None
    """The field of the request that is wrong, where it is one; dialects that tell it read it."""

    def __init__(self, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s or type(self).retry_after_s


class MalformedRequest(GatewayError):
    """The bytes are not what they should be: not JSON, not UTF-8, a header that cannot be read."""

    status = 400


class InvalidRequest(GatewayError):
    """Well-formed, but not a valid request: a wrong type, too few or too many instances."""

    status = 422


class ItemFault(InvalidRequest):
    """The model cannot process this one item; `row` is what it answered beside the reason
    (`gateway.request.row`).
    """

    def __init__(self, message: str, row: bytes) -> None:
        super().__init__(message)
        self.row = row


class UnsupportedOption(GatewayError):
    """A request as it should be, for something that this model cannot do."""

    status = 400


class Unauthenticated(GatewayError):
    """No API key, or one that is not known."""

    status = 401


class Forbidden(GatewayError):
    """A caller that is known, but may not do this."""

    status = 403


class RateLimited(GatewayError):
    """A key or its tenant has used up its rate or its quota; `retry_after_s` says when there is
    more.
    """

    status = 429

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StateUnavailable(GatewayError):
    """Redis state does not answer, and this cannot be said without it."""

    status = 503
    retry_after_s = 2


class StateConflict(GatewayError):
    """Others changed the same thing at the same time."""

    status = 409


class TooSlow(GatewayError):
    """The client did not send its body in time."""

    status = 408


class ClientGone(GatewayError):
    """The client left before its request was whole; nobody sees the answer, and the log says what
    happened.
    """

    status = 499


class NotFound(GatewayError):
    """No such model or version."""

    status = 404


class TooLarge(GatewayError):
    """The body or a text is over its limit."""

    status = 413


class Overloaded(GatewayError):
    """Shed at the door: too many texts wait for the model."""

    status = 429
    retry_after_s = 1


class CallerLeft(GatewayError):
    """The client closed the connection before the answer was there; nobody sees this status but the
    log.
    """

    status = 499


class Unsupported(GatewayError):
    """A part of a protocol that is not spoken here."""

    status = 501


class BackendBroken(GatewayError):
    """Triton answered something that breaks the contract."""

    status = 502


class NotReady(GatewayError):
    """The model, or the Triton behind it, does not answer now."""

    status = 503
    retry_after_s = 2


class Unreachable(NotReady):
    """A Triton does not answer at all, for no version."""


class NotCached(GatewayError):
    """The client wanted a cached answer only, and there is none."""

    status = 504


class DeadlineExceeded(GatewayError):
    """The answer did not come within the request's time."""

    status = 504
