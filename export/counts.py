"""Counts in sentences: `1 example`, `2189 examples`."""


def counted(number: int, thing: str) -> str:
    """A number with what it counts, whose plural ends with an s."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
