"""What a client made up, as it stands in messages and in the log. Pure."""


def printable(text: str, most_chars: int) -> str:
    """The text, cut to `most_chars` characters; `?` stands for those that cannot be printed."""
    if len(text) > most_chars:
        text = f"{text[: most_chars - 1]}…"
    return text if text.isprintable() else "".join(char if char.isprintable() else "?" for char in text)
