"""What OpenAPI says of the routes of OpenAI and Cohere."""

from typing import Any

from gateway.dialects.openai_bodies import OpenAIError
from gateway.routes.documentation import openapi
from gateway.routes.documentation.openapi import ERRORS


def responses(success: Any) -> dict[int | str, dict[str, Any]]:
    """A route's responses by status; what is 422 elsewhere is 400 here, as OpenAI has it."""
    found = openapi.responses(success, OpenAIError)
    del found[422]
    found[400] = {"model": OpenAIError, "description": f"{ERRORS[400]}; {ERRORS[422]}"}
    return found
