"""What a secret setting shows of itself: its type masks it in every text that is made of it. Pure.

Only `get_secret_value()` gives the secret, at the place that uses it. A setting that is secret as a
whole has the type `Secret` of pydantic.
"""

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, Secret

from gateway.settings import values

MASK: Final = "***"
_SECRET_NAME = re.compile(r"(secret|password|passwd|token|private|credential|(^|_)keys?$)", re.IGNORECASE)
_PUBLIC_NAME = re.compile(r"(public|per)_key$", re.IGNORECASE)
_HTTPS = r"^(https://|http://(127\.0\.0\.1|localhost|\[::1\])[:/])"


class RedisUrl(Secret[Annotated[str, BeforeValidator(values.of_text(values.redis_url))]]):
    """A URL of Redis or Valkey; shown without its password."""

    def _display(self) -> str:
        return masked_url(self.get_secret_value())


class HttpsUrl(Secret[Annotated[str, Field(pattern=_HTTPS)]]):
    """A URL whose answer nobody on the way can read or change: https, or http on this machine.

    It is shown without its password.
    """

    def _display(self) -> str:
        return masked_url(self.get_secret_value())


def masked_url(url: str) -> str:
    """A URL without its password, wherever it stands: between `:` and `@`, or in the query.

    Nothing of a text that is no URL is shown.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASK
    if parts.password:
        user, _, host = parts.netloc.rpartition("@")
        url = url.replace(parts.netloc, f"{user.partition(':')[0]}:{MASK}@{host}", 1)
    if parts.query:
        query = "&".join(_masked_pair(*pair.partition("=")) for pair in parts.query.split("&"))
        url = url.replace(f"?{parts.query}", f"?{query}", 1)
    return url


def names_secret(name: str) -> bool:
    """Whether a name says that its value is secret."""
    return bool(_SECRET_NAME.search(name)) and not _PUBLIC_NAME.search(name)


def _masked_pair(name: str, equals: str, value: str) -> str:
    return f"{name}{equals}{MASK if names_secret(name) else value}"
