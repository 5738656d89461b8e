"""Texts as the model gets them: in UTF-8, none over the limit."""

from gateway.errors import TooLarge


def encoded(text: str, place: str, max_text_bytes: int) -> bytes:
    """A text in UTF-8.

    Raises:
        TooLarge: it has more than `max_text_bytes`; the message names its place in the request.
    """
    raw = text.encode()
    if len(raw) > max_text_bytes:
        raise TooLarge(f"{place} has {len(raw)} bytes, at most {max_text_bytes} are allowed; send a shorter text")
    return raw
