"""Whole numbers that clients write in digits outside of JSON."""

MAX_DIGITS = 18
"""A number of so many digits fits into 64 bits; Python refuses to read more than 4,300 digits."""


def whole_number(text: str) -> int | None:
    """The number, from 0 up; None if the text is no such number."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS else None
