import json
import re

import httpx

from gateway.app import create_app
from gateway.settings import Settings


def references(node):
    if isinstance(node, dict):
        yield from ([node["$ref"]] if "$ref" in node else [])
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from references(item)


def resolve(document, reference):
    for part in reference.removeprefix("#/").split("/"):
        document = document[part]
    return document


def test_every_reference_of_the_document_leads_somewhere():
    document = create_app(Settings()).openapi()
    assert all(resolve(document, reference) for reference in references(document))


def test_prediction_is_documented_with_examples_headers_and_errors():
    operation = create_app(Settings()).openapi()["paths"]["/v1/models/{model}:predict"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["instances"]["maxItems"] == 64
    assert len(schema["examples"]) == 2
    assert {"200", "400", "401", "404", "413", "422", "429", "502", "503", "504"} == set(operation["responses"])
    assert "X-Cache" in operation["responses"]["200"]["headers"]
    assert {"model", "X-Unit-ID", "Cache-Control"} <= {parameter["name"] for parameter in operation["parameters"]}
    assert json.dumps(schema).count("$ref") == 0


def test_every_answer_of_every_route_is_documented_in_our_own_shapes():
    document = create_app(Settings()).openapi()
    assert "HTTPValidationError" not in json.dumps(document)
    answers = [
        (status, answer)
        for operations in document["paths"].values()
        for operation in operations.values()
        for status, answer in operation["responses"].items()
    ]
    assert all("X-Request-ID" in answer["headers"] for _, answer in answers)
    assert all("Retry-After" in answer["headers"] for status, answer in answers if status in {"429", "503"})
    errors = [answer for status, answer in answers if status.startswith("4")]
    assert {answer["content"]["application/json"]["schema"]["$ref"] for answer in errors} == {"#/components/schemas/Error"}


async def test_documentation_page_loads_nothing_from_elsewhere():
    transport = httpx.ASGITransport(create_app(Settings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        page = await client.get("/docs")
        sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert sources
        assert {(await client.get(source)).status_code for source in sources} == {200}
    assert [source for source in sources if not source.startswith("/")] == []
