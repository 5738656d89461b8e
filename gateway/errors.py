"""Every error that a client can see, on the arrow where it happens.

    bytes ──▶ JSON ──▶ request ──▶ version ──▶ permit ──▶ tensors ──▶ answer
      413      400        422        404        429      502 503 504

Each class owns its status and a public message; foreign text goes to the log only.
"""


class StartError(Exception):
    """The gateway cannot start; the message is one sentence for the person at the terminal."""


class GatewayError(Exception):
    """An error with a status and a message that may be shown to the client."""

    status = 500
    retry_after_s: int | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class MalformedRequest(GatewayError):
    """The bytes are not what they should be: not JSON, not UTF-8, a header that cannot be read."""

    status = 400


class InvalidRequest(GatewayError):
    """Well-formed, but not a valid request: a wrong type, too few or too many instances."""

    status = 422


class Unauthenticated(GatewayError):
    """No API key, or one that is not known."""

    status = 401


class Forbidden(GatewayError):
    """Known, or not asked for a key, but not allowed."""

    status = 403


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


class BackendBroken(GatewayError):
    """Triton answered something that breaks the contract."""

    status = 502


class NotReady(GatewayError):
    """The model, or the Triton behind it, does not answer now."""

    status = 503
    retry_after_s = 2


class DeadlineExceeded(GatewayError):
    """The answer did not come within the request's time."""

    status = 504
