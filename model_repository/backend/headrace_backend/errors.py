"""Faults of one text: they fail it alone, and their message is for its sender."""


class TextError(ValueError):
    """Why one text has no answer, as a sentence for its sender."""
