"""What a request says of how its texts are embedded, as the model's items say it. Pure."""

from collections.abc import Mapping
from typing import Final, Literal

from gateway.errors import InvalidRequest
from gateway.tasks.feature_extraction import options_of, settings_of
from model_repository.manifest import Manifest

InputType = Literal["query", "passage", "document", "search_query", "search_document", "classification", "clustering"]
"""What a text is for, as NIM, Voyage and Cohere name it."""

_KINDS: Final[Mapping[str, Literal["query", "document"]]] = {
    "query": "query",
    "search_query": "query",
    "passage": "document",
    "document": "document",
    "search_document": "document",
}
_DOCUMENTS: Final = ("document", "passage", "corpus")
"""How models call the prompt of documents, in the order in which sentence-transformers looks."""


def embedding_options(
    manifest: Manifest, *, prompt_name: str | None = None, input_type: InputType | None = None, normalize: bool | None = None
) -> bytes:
    """The options of a request's items; what the version does anyway is left out.

    A model without prompts embeds every `input_type` alike.

    Raises:
        InvalidRequest: the model has no prompt of this name, or none for this type of input.
    """
    prompts = settings_of(manifest).prompts
    if prompt_name and prompt_name not in prompts:
        has = f"has the prompts {', '.join(prompts)}; name one of them" if prompts else "has no prompts; write the prompt into the text"
        raise InvalidRequest.of_field("prompt_name", f"this model {has}")
    if input_type is None or not prompts:
        return options_of(manifest, prompt_name=prompt_name, normalize=normalize)
    kind = _KINDS.get(input_type)
    named = input_type if input_type in prompts else next(filter(prompts.__contains__, _DOCUMENTS), None) if kind == "document" else None
    if kind is not None and named in (None, kind):
        return options_of(manifest, input_type=kind, normalize=normalize)
    if named is None:
        raise InvalidRequest.of_field(
            "input_type", f"this model has prompts, and none for {input_type}; say query or document, or leave it out"
        )
    return options_of(manifest, prompt_name=named, normalize=normalize)
