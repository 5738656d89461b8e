"""The JSON Schema of a request's body."""

from typing import Any

from pydantic import BaseModel


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """JSON Schema of a body, in one piece: in an OpenAPI document `#/$defs/…` would lead nowhere.

    pydantic's `models_json_schema` would refer to the document's components instead. Several
    dialects have a `PredictBody` or a `TextPair`, which it would name by their modules there.
    """
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def inline(node: Any) -> Any:
        if isinstance(node, list):
            return [inline(element) for element in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return inline(definitions[node["$ref"].rpartition("/")[2]])
        return {key: inline(value) for key, value in node.items()}

    inlined: dict[str, Any] = inline(schema)
    return inlined


def any_of(*models: type[BaseModel]) -> dict[str, Any]:
    """JSON Schema of a body that is one of several, with the examples of all."""
    schemas = [schema_of(model) for model in models]
    return {"anyOf": schemas, "examples": [example for schema in schemas for example in schema.get("examples", [])]}
