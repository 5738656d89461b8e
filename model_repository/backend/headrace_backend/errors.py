"""Faults of one text: only that text fails, and the message is for its sender."""


class TextError(ValueError):
    """Why one text has no answer, as a sentence for its sender."""
