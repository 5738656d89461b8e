"""The JSON Schema of a request's body."""

from typing import Any

from pydantic import BaseModel


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """JSON Schema of a body, in one piece: its `#/$defs/…` would lead nowhere in an OpenAPI document.

    pydantic's `models_json_schema` refers into the document's components instead. Dialects give
    bodies the same names (`PredictBody`, `TextPair`), which it would lengthen by their modules.
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
