"""The member `meta` of Cohere's answers, which some of its clients cannot do without."""

from typing import Any


def meta(api_version: str, input_tokens: int, **billed_units: int) -> dict[str, Any]:
    """The version of the API that was asked, the tokens that the model read, and Cohere's units."""
    return {
        "api_version": {"version": api_version},
        "billed_units": {"input_tokens": input_tokens, **billed_units},
        "tokens": {"input_tokens": input_tokens},
    }
