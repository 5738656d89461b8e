"""Durations as people write them: `90` seconds, `30m`, `24h`, `7d`. Pure."""

import re

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_WRITTEN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhd])")


def seconds(given: object) -> float:
    """The seconds of a duration, which is a number or a text such as `24h`.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        return float(given)
    if isinstance(given, str) and (written := _WRITTEN.fullmatch(given)):
        return float(written[1]) * _SECONDS[written[2]]
    raise ValueError("must be a number of seconds, or a text such as 90s, 30m, 24h or 7d")
