"""Settings that are sound one by one and do not go together, each as a sentence. Pure.

Variables begin with `prefix`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.settings.settings import Settings

_SERVERS = ("redis", "triton")
_PAIRS = (("tls_cert_file", "tls_key_file"), *((f"{who}_client_cert_file", f"{who}_client_key_file") for who in _SERVERS))


def contradiction(settings: "Settings", prefix: str) -> str | None:
    """What is missing beside a setting that is given; None where nothing is."""
    for cert, key in _PAIRS:
        if (getattr(settings, cert) is None) != (getattr(settings, key) is None):
            return f"{prefix}{cert.upper()} and {prefix}{key.upper()} belong together: set both or neither"
    if "jwt" in settings.auth and not (settings.jwt_jwks_url and settings.jwt_issuer and settings.jwt_audience):
        return f"{prefix}AUTH asks for tokens: set {prefix}JWT_JWKS_URL, {prefix}JWT_ISSUER and {prefix}JWT_AUDIENCE"
    return None


def no_way_in(settings: "Settings", prefix: str) -> str | None:
    """Why nobody could be authenticated, with the ways out; None where somebody can be."""
    if settings.auth == {"keys"} and not settings.api_keys.get_secret_value() and settings.state_url is None:
        return (
            f"{prefix}AUTH asks for API keys and there can be none: set {prefix}STATE_URL (Redis, where `python -m gateway keys create`"
            f" keeps them), or {prefix}API_KEYS, or {prefix}AUTH=jwt with {prefix}JWT_JWKS_URL; {prefix}AUTH=off lets everyone in"
        )
    return None
