"""What makes scores of logits, where a request says it: transformers' `function_to_apply`."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from gateway.tasks.instance import TopK
from gateway.tasks.task import canonical

Function = Literal["softmax", "sigmoid", "none"]
"""`none` leaves the logits."""


class FunctionToApply(TopK):
    """The parameters of a task whose answers are scores."""

    function_to_apply: Function | None = Field(
        None, description="what makes scores of logits instead of the model's own function: softmax, sigmoid, or none for raw scores"
    )


def options(parameters: Mapping[str, Any]) -> bytes:
    """The part of a request's parameters that changes its items' scores, as items carry it."""
    function = parameters.get("function_to_apply")
    return b"" if function is None else canonical({"function_to_apply": function})


def options_beside(own: str, function: Function | None) -> bytes:
    """The same where a version's own function is `own`; None: as the version does.

    What the version does anyway is left out, so that such requests share the cache's entries.
    """
    return options({"function_to_apply": None if function == ("none" if own == "identity" else own) else function})
