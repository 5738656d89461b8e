"""Environment variables that look like settings and are none: most are misspelt. Pure."""

import difflib
import re
from collections.abc import Iterable

# Kubernetes tells each pod of a Service called `headrace` where it is, in variables of these names
_SERVICE_LINK = re.compile(r"HEADRACE(_[A-Z0-9_]+)?_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")

_OF_OTHERS = frozenset({"TRITON_GRPC_URL", "CLIENT_URL", "CLIENT_KEY"})
"""Of `python -m export` and of clients in terminals, which may run in the same environment."""


def unknown(variables: Iterable[str], known: Iterable[str], prefix: str) -> str | None:
    """A sentence about the first variable that begins with `prefix` and names none of `known`.

    None: all that begin so are known. Case does not matter, as it does not to the settings.
    """
    names = {name.upper() for name in known}
    for variable in sorted(variables):
        name = variable.upper().removeprefix(prefix)
        if name == variable.upper() or name in names or name in _OF_OTHERS or _SERVICE_LINK.fullmatch(variable):
            continue
        close = difflib.get_close_matches(name, names, n=1)
        remedy = f"is {prefix}{close[0]} meant?" if close else "unset it; `python -m gateway settings` lists all"
        return f"{variable}: no such setting; {remedy}"
    return None
