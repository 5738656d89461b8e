"""What pydantic finds wrong with a file that people write, as sentences for them. Pure."""

from typing import NamedTuple

from pydantic import ValidationError

_MISSING, _UNKNOWN_FIELD, _OWN = "missing", "extra_forbidden", "Value error, "


class Fault(NamedTuple):
    """One value that does not fit.

    `place` leads to its field from the outside in; `kind` is pydantic's name for what is wrong.
    """

    place: tuple[int | str, ...]
    kind: str
    message: str
    value: object

    @property
    def is_missing(self) -> bool:
        """Whether there is no such field in the file, and there must be one."""
        return self.kind == _MISSING

    @property
    def is_unknown(self) -> bool:
        """Whether there is such a field in the file, and there must be none."""
        return self.kind == _UNKNOWN_FIELD

    @property
    def path(self) -> str:
        """The place as it is written in Python: `loads.rates_rps[0]`."""
        path = ""
        for part in self.place:
            path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
        return path

    @property
    def dotted_path(self) -> str:
        """The place with dots alone: `loads.rates_rps.0`."""
        return ".".join(map(str, self.place))

    def sentence(self, where: str) -> str:
        """`sweep.yaml: loads.rates_rps[0]: Input should be greater than 0 (it says 0)`.

        `where` names the file. The path and the value are left out where the fault is with the
        whole, and the value also where the field is missing.
        """
        if not self.place:
            return f"{where}: {self.message}"
        given = "" if self.is_missing else f" (it says {self.value!r})"
        return f"{where}: {self.path}: {self.message}{given}"


def faults(error: ValidationError) -> list[Fault]:
    """The faults in the order in which pydantic found them; there is at least one."""
    return [Fault(one["loc"], one["type"], one["msg"].removeprefix(_OWN), one["input"]) for one in error.errors(include_url=False)]
