import base64
import hashlib
import json
import re

import httpx
import pytest
from jsonschema import Draft202012Validator

from gateway.app import create_app
from gateway.routes.documentation.page import content_security_policy
from gateway.settings.settings import Settings


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
    document = create_app(Settings(auth=frozenset())).api.openapi()
    assert all(resolve(document, reference) for reference in references(document))


def test_prediction_is_documented_with_examples_headers_and_errors():
    operation = create_app(Settings(auth=frozenset())).api.openapi()["paths"]["/v1/models/{model}:predict"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["instances"]["maxItems"] == 65_536
    assert {"200", "304", "400", "401", "403", "404", "408", "413", "422", "429", "502", "503", "504"} == set(operation["responses"])
    assert len(schema["examples"]) == 3
    assert "X-Cache" in operation["responses"]["200"]["headers"]
    assert {"model", "X-Unit-ID", "Cache-Control", "If-None-Match"} <= {parameter["name"] for parameter in operation["parameters"]}
    assert json.dumps(schema).count("$ref") == 0


def test_every_answer_of_every_route_is_documented_in_our_own_shapes():
    document = create_app(Settings(auth=frozenset())).api.openapi()
    assert "HTTPValidationError" not in json.dumps(document)
    answers = [
        (status, answer)
        for operations in document["paths"].values()
        for operation in operations.values()
        for status, answer in operation["responses"].items()
    ]
    assert all("X-Request-ID" in answer["headers"] for _, answer in answers)
    assert all("Retry-After" in answer["headers"] for status, answer in answers if status in {"429", "503"})
    errors = [answer["content"]["application/json"]["schema"]["$ref"] for status, answer in answers if status.startswith("4")]
    assert {reference.rpartition("/")[2] for reference in errors} == {"Error", "OpenAIError", "TeiError"}
    assert [name for name in document["components"]["schemas"] if "__" in name] == []


def test_what_can_answer_401_asks_for_a_key():
    paths = create_app(Settings(auth=frozenset())).api.openapi()["paths"]
    guarded = {(path, name): "security" in operation for path, methods in paths.items() for name, operation in methods.items()}
    assert {path for (path, _), asks in guarded.items() if not asks} == {
        "/",  # GET; POST asks for one
        "/livez",
        "/readyz",
        "/metrics",
        "/health",
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
    }


DIALECTS = (
    "/v1/embeddings",
    "/v1/rerank",
    "/embed",
    "/similarity",
    "/predict",
    "/rerank",
    "/",
    "/models/{model}",
    "/models/{model}/embed",
    "/v1/models/{model}:predictStream",
)


@pytest.mark.parametrize("path", DIALECTS)
def test_every_dialect_is_documented_with_its_body_headers_and_errors(path):
    operation = create_app(Settings(auth=frozenset())).api.openapi()["paths"][path]["post"]
    [content] = operation["requestBody"]["content"].values()
    assert "example" in json.dumps(content)
    invalid = {"400"} if path.startswith(("/v1/embeddings", "/v1/rerank")) else {"400", "422"}  # OpenAI's clients know 400 alone
    assert invalid | {"200", "401", "403", "404", "408", "413", "429", "502", "503", "504"} == set(operation["responses"])
    assert {"X-Unit-ID", "X-Request-Timeout-Ms"} <= {parameter["name"] for parameter in operation["parameters"]}
    assert "X-Model-Version" in operation["responses"]["200"]["headers"]
    assert ("model" in {parameter["name"] for parameter in operation["parameters"]}) == ("{model}" in path)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("OPTIONS", "/v1/admin/keys", "GET, HEAD, POST"),
        ("GET", "/v1/models/topics:predict", "POST"),
        ("POST", "/static-offline-docs/a", "GET, HEAD"),
    ],
)
async def test_a_method_that_is_not_taken_is_told_which_are(method, path, allowed):
    transport = httpx.ASGITransport(create_app(Settings(auth=frozenset())))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        answer = await client.request(method, path)
    assert (answer.status_code, answer.headers.get("allow")) == (405, allowed)


def test_operations_have_names_of_their_own():
    paths = create_app(Settings(auth=frozenset())).api.openapi()["paths"].values()
    names = [operation["operationId"] for path in paths for operation in path.values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "path", ["/v1/embeddings", "/v1/rerank", "/embed", "/similarity", "/predict", "/rerank", "/v1/models/{model}:predict"]
)
def test_examples_of_bodies_are_valid(path):
    operation = create_app(Settings(auth=frozenset())).api.openapi()["paths"][path]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    for example in schema["examples"]:
        Draft202012Validator(schema).validate(example)


async def test_documentation_page_loads_nothing_from_elsewhere():
    transport = httpx.ASGITransport(create_app(Settings(auth=frozenset())))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        for page in [await client.get("/docs/oauth2-redirect"), await client.get("/docs")]:
            assert content_security_policy(page.content) == page.headers["content-security-policy"]
        sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert sources
        assert {(await client.get(source)).status_code for source in sources} == {200}
    assert [source for source in sources if not source.startswith("/")] == []


async def test_the_documentation_page_is_dark_where_the_system_is():
    transport = httpx.ASGITransport(create_app(Settings(auth=frozenset())))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        page = await client.get("/docs", headers={"Accept-Encoding": "identity"})
        [sheet] = re.findall(r'href="([^"]+\.css)"', page.text)
        styles = (await client.get(sheet)).text
    [script] = re.findall(r"<script>([^<]*prefers-color-scheme: dark[^<]*)</script>", page.text)
    [mode] = re.findall(r'toggle\("([\w-]+)"', script)
    # the stylesheet is the library's: it must go on to know the class
    assert f"html.{mode} .swagger-ui{{" in styles
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in page.headers["content-security-policy"]
    assert page.text.index("prefers-color-scheme") < page.text.index("</head>")
    assert int(page.headers["content-length"]) == len(page.content)


def test_inference_protocol_is_documented_with_both_kinds_of_bodies():
    paths = create_app(Settings(auth=frozenset())).api.openapi()["paths"]
    operation = paths["/v2/models/{model}/versions/{version}/infer"]["post"]
    content = operation["requestBody"]["content"]
    assert content.keys() == operation["responses"]["200"]["content"].keys() == {"application/json", "application/octet-stream"}
    assert len(content["application/json"]["schema"]["examples"]) == 2
    assert json.dumps(content).count("$ref") == 0
    assert {"model", "version", "Inference-Header-Content-Length", "X-Unit-ID"} <= {one["name"] for one in operation["parameters"]}
    assert {"200", "400", "401", "403", "404", "408", "413", "422", "429", "502", "503", "504"} == set(operation["responses"])
    answer = paths["/v2/models/{model}/ready"]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    assert answer == {"name": "topics", "ready": True}  # as the protocol's inference_rest.md has it
    assert not [path for path in paths if "sharedmemory" in path or "stats" in path]


def test_descriptions_do_not_wrap_as_their_docstrings_do():
    document = create_app(Settings(auth=frozenset())).api.openapi()
    described = document["components"]["schemas"]["PredictResponse"]["description"]
    assert re.search(r"[^\n]\n[^\n]", described) is None
    assert described.startswith("One prediction for each instance, in order.\n\ntext-classification:")
