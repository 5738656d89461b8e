"""The byte order mark, which some programs write before JSON in UTF-8. Pure."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def without_mark(raw: bytes) -> bytes:
    """JSON without the mark, which a parser may ignore (RFC 8259, section 8.1)."""
    return raw[len(BYTE_ORDER_MARK) :] if raw.startswith(BYTE_ORDER_MARK) else raw
