"""What a browser says of a request: whose page sent it, and where it came from. Pure."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from gateway.errors import Forbidden


def require_own_page(headers: Mapping[str, str]) -> None:
    """Refuse what a page of another site sends in its reader's name (CSRF).

    A browser says whose page it is in `Sec-Fetch-Site` or `Origin`; what says neither is no
    browser, and has the API. The names of `headers` are in lower case.

    Raises:
        Forbidden: it is no page of this gateway.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is None and origin is None:
        raise Forbidden("a form must come from this gateway's own page; programs have /v1/experiments")
    same_origin = site == "same-origin" if site is not None else urlsplit(origin or "").netloc == headers.get("host", "")
    if not same_origin:
        raise Forbidden("a form must come from this gateway's own page, and a page of another site sent this one")


def is_secure(scheme: str, headers: Mapping[str, str]) -> bool:
    """Whether the browser spoke TLS, perhaps to a proxy."""
    return scheme == "https" or headers.get("x-forwarded-proto", "").partition(",")[0].strip() == "https"


def own_path(path: str | None, home: str) -> str:
    """A path at or below `home` to go on to; for any other it is `home`: no link leads away."""
    if path is None or "\\" in path or not (path == home or path.startswith(f"{home}/")):
        return home
    return path
