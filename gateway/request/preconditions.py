"""`If-Match` and `If-None-Match` of a request that changes something (RFC 9110, section 13).

Pure.
"""

from typing import NamedTuple

from gateway.errors import PreconditionFailed, PreconditionRequired


class Preconditions(NamedTuple):
    """What the client expects of the thing that it changes; None: it does not say."""

    if_match: str | None = None
    if_none_match: str | None = None

    def check(self, tag: str | None) -> None:
        """Refuse the change where the thing is not as expected.

        `tag` is its ETag; None: it is not there.

        Raises:
            PreconditionFailed: it is not.
        """
        if self.if_match is not None and (tag is None or not _names(self.if_match, tag)):
            there = "there is none" if tag is None else f"it is {tag} now"
            raise PreconditionFailed(f"this is not the version that If-Match names, {there}: get it anew, and change that")
        if self.if_none_match is not None and tag is not None and _names(self.if_none_match, tag):
            raise PreconditionFailed(f"it is there already, as {tag}, and If-None-Match forbids to change it")

    def require(self, tag: str) -> None:
        """Refuse a change whose client does not say which version it changes.

        Raises:
            PreconditionRequired: it does not.
        """
        if self.if_match is None:
            raise PreconditionRequired(f"say which version this takes the place of, by the ETag that GET shows: If-Match: {tag}")


def _names(header: str, tag: str) -> bool:
    # a proxy that compresses answers marks their tags as weak
    return header.strip() == "*" or tag in {part.strip().removeprefix("W/") for part in header.split(",")}
