"""Prompts: what a model was trained to read before a text, as sentence-transformers keeps them."""

from collections.abc import Mapping
from typing import Any

from headrace_backend.errors import TextError
from headrace_backend.items import Query

INPUT_TYPES = ("query", "document")
"""What `encode_query` and `encode_document` of sentence-transformers are for; without a prompt of
the name there is none, as there."""


class Prompts:
    """The prompts of a packaged version."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """The prompts as a manifest's settings say."""
        self._texts: Mapping[str, str] = dict.fromkeys(INPUT_TYPES, "") | (settings.get("prompts") or {})
        self._default: str = settings.get("default_prompt_name") or ""
        self._pooled: bool = settings.get("include_prompt", True)

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What an item can say, with the defaults: a prompt's name ("": none), or what the text
        is."""
        return {"prompt_name": self._default, "input_type": ""}

    def put_before(self, query: Query, parameters: Mapping[str, Any]) -> Query:
        """The query with the prompt that its parameters name.

        Raises:
            TextError: there is no such prompt.
        """
        prompt = self._chosen(parameters["prompt_name"], parameters["input_type"])
        return query._replace(text=prompt + query.text, prompt="" if self._pooled else prompt) if prompt else query

    def _chosen(self, name: str, input_type: str) -> str:
        if input_type:
            if name != self._default:
                raise TextError("The parameters prompt_name and input_type both name a prompt: send one of them.")
            if input_type not in INPUT_TYPES:
                raise TextError(f"The parameter input_type must be one of {', '.join(INPUT_TYPES)}.")
            return self._texts[input_type]
        if not name:
            return ""
        if name not in self._texts:
            raise TextError(f'The parameter prompt_name must be one of {", ".join(self._texts)}, or "" for no prompt.')
        return self._texts[name]
