"""JSON Schemas of bodies that FastAPI does not read itself."""

from typing import Any

from pydantic import BaseModel


def inlined(model: type[BaseModel]) -> dict[str, Any]:
    """A model's JSON Schema, in one piece: references into `$defs` mean nothing inside an OpenAPI document."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def inline(node: Any) -> Any:
        if isinstance(node, list):
            return [inline(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return inline(definitions[node["$ref"].rpartition("/")[2]]) | {
                key: inline(value) for key, value in node.items() if key != "$ref"
            }
        return {key: inline(value) for key, value in node.items()}

    whole: dict[str, Any] = inline(schema)
    return whole
