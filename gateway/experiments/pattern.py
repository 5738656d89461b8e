"""Regular expressions of owners, on texts of clients: the one module that knows RE2.

RE2 takes time in proportion to the text, whatever the expression, so that none stalls the event
loop. It has no look-around and no back-references, in exchange.
"""

from collections.abc import Callable

import re2

MAX_PATTERN_CHARS = 500
_MEMORY_BYTES = 1 << 18


def search(pattern: str, *, ignore_case: bool = False) -> Callable[[str], bool]:
    """Whether a text holds a match, as a function of the text.

    Raises:
        ValueError: RE2 does not know such a pattern, or it is too large.
    """
    if len(pattern) > MAX_PATTERN_CHARS:
        raise ValueError(f"must be at most {MAX_PATTERN_CHARS} characters")
    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.log_errors = False
    options.max_mem = _MEMORY_BYTES
    try:
        compiled = re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as exc:
        raise ValueError(
            f"must be a regular expression as RE2 reads it, without look-around and back-references ({_reason(exc)})"
        ) from None

    def found(text: str) -> bool:
        try:
            return compiled.search(text) is not None
        except UnicodeEncodeError:  # half of a surrogate pair is no text
            return False

    return found


def _reason(exc: Exception) -> str:
    said = exc.args[0] if exc.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
