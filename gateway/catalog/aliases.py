"""Other names of models, so that a client whose model's name is fixed finds one here. Pure.

An alias may be any name that a client says, such as `sentence-transformers/all-MiniLM-L6-v2`. In a
path it stands as it is or percent-encoded; `in_path` gives it the form that routes know: one
segment without a verb, which they decode.
"""

from collections.abc import Iterable
from urllib.parse import quote

from gateway.catalog.catalog import Catalog

_BEFORE = ("/v1/models/", "/v2/models/", "/models/", "/openai/deployments/")


def spelled(alias: str) -> str:
    """An alias as one segment of a path: what a model's name cannot hold is percent-encoded."""
    return quote(alias, safe=" ") if any(character in alias for character in "/:") else alias


def in_path(path: str, aliases: Iterable[str]) -> str:
    """A decoded path with the alias in it as one segment; the longest alias that fits is taken.

    `aliases` are those that are no segment by themselves.
    """
    for before in _BEFORE:
        if path.startswith(before):
            rest = path[len(before) :]
            alias = max((alias for alias in aliases if _begins(rest, alias)), key=len, default="")
            return f"{before}{spelled(alias)}{rest[len(alias) :]}"
    return path


def _begins(rest: str, alias: str) -> bool:
    return rest.startswith(alias) and rest[len(alias) : len(alias) + 1] in ("", "/", ":")


def useless(catalog: Catalog) -> dict[str, str]:
    """The aliases that lead nowhere, and why."""
    there_are = ", ".join(sorted(catalog.models)) or "none"
    reasons = {}
    for alias, model in catalog.aliases.items():
        if alias in catalog.models:
            reasons[alias] = "a model has this name itself"
        elif model not in catalog.models:
            reasons[alias] = f"there is no model {model}; there are: {there_are}"
    return reasons
