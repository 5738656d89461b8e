"""`MODEL/VERSION`, as it is written on the command line and in stores."""

import re
from dataclasses import dataclass

MODEL = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_NAME = re.compile(rf"({MODEL})/([1-9][0-9]*)")


@dataclass(frozen=True, order=True)
class VersionName:
    """One version of one model."""

    model: str
    version: int

    @classmethod
    def parse(cls, text: str) -> "VersionName":
        """Read `topics/2`.

        Raises:
            ValueError: it is not a model's name and a number of at least 1.
        """
        if not (match := _NAME.fullmatch(text)):
            raise ValueError(f"{text!r} is not MODEL/VERSION, as in topics/2")
        return cls(match[1], int(match[2]))

    def __str__(self) -> str:
        return f"{self.model}/{self.version}"
