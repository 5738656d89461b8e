"""The sentences about values that do not fit, word for word, as clients and operators read them."""

import json
from types import SimpleNamespace

import httpx
import pytest

from gateway.app import create_app
from gateway.cache import policy
from gateway.cache.policy import CachePolicy, PolicyError
from gateway.dialects import kserve_v1, ndjson, openai
from gateway.dialects.open_inference import http_body
from gateway.errors import GatewayError
from gateway.experiments import file as experiments
from gateway.experiments.file import ExperimentsError
from gateway.request.json_limits import JsonLimits
from gateway.request.request_limits import BodyLimits
from gateway.settings import runtime
from gateway.settings.runtime import RuntimeSettingsError
from gateway.settings.settings import Settings, SettingsError
from gateway.tasks import task_of

NOT_JSON = "the body is not JSON in UTF-8: expected ident at line 1 column 2"
NO_INSTANCE = 'must be a string, or an object such as {"text": "…"} with the fields of the task and no others'
RANKING = '{"instances": ["a", {"query": "q", "documents": []}]}'
HALF = "{name: x, version: 1, weight: 0.5}"
ONE_OF_A_MODEL = "{key: a, model: m, variants: [{name: x, version: 1, weight: 1}, {name: y, version: 2, weight: 0}]}"
TENSOR = '"name": "TEXT", "shape": [1, 1]'


def raised(error, parse, *arguments):
    with pytest.raises(error) as caught:
        parse(*arguments)
    # the library's error, shown beside it, would quote what the client sent
    assert not issubclass(error, GatewayError) or caught.value.__cause__ is None
    return caught.value


@pytest.mark.parametrize(
    ("raw", "status", "sentence"),
    [
        ("nonsense", 400, NOT_JSON),
        ("", 400, "the body is not JSON in UTF-8: EOF while parsing a value at line 1 column 0"),
        ("[]", 422, 'the body must be an object such as {"instances": ["a text"]}'),
        ("{}", 422, "instances: Field required"),
        ('{"instances": []}', 422, "instances: at least one text is needed"),
        ('{"instances": [1]}', 422, f"instances.0: {NO_INSTANCE}"),
        (json.dumps({"instances": ["a"] * 65_537}), 422, "instances: at most 65536 at once; send the rest in another request"),
        (RANKING, 422, "instances.1.documents: from 1 to 65536"),
        ('{"instances": ["a"], "s3cret": 1}', 422, "s3cret: there is no such field; see /docs"),
        ('{"instances": ["a"], "a client\'s text": 1}', 422, "the body has a field that is not known; see /docs"),
        ('{"instances": ["a"], "parameters": {"topk": 1}}', 422, "parameters.topk: there is no such field; see /docs"),
        ('{"instances": ["a"], "parameters": {"top_k": 0}}', 422, "parameters.top_k: Input should be greater than or equal to 1"),
        ('{"instances": ["a"], "version": "2"}', 422, "version: Input should be a valid integer"),
    ],
)
def test_kserve_v1(raw, status, sentence):
    error = raised(GatewayError, kserve_v1.parse, raw.encode())
    assert (error.status, error.message) == (status, sentence)


@pytest.mark.parametrize(
    ("raw", "status", "sentence", "param"),
    [
        ("nonsense", 400, NOT_JSON, None),
        ("[]", 422, "the body must be a JSON object; see /docs", None),
        ("{}", 422, "input: Field required", "input"),
        ('{"model": "m", "input": "a", "dimension": 1}', 422, "dimension: there is no such field; see /docs", "dimension"),
        ('{"model": "m", "input": "a", "a client\'s text": 1}', 422, "the body has a field that is not known; see /docs", None),
        ('{"model": 1, "input": "a"}', 422, "model: Input should be a valid string", "model"),
        ('{"model": "m", "input": "a", "dimensions": 0}', 422, "dimensions: Input should be greater than or equal to 1", "dimensions"),
    ],
)
def test_openai(raw, status, sentence, param):
    error = raised(GatewayError, openai.parse_embeddings, raw.encode())
    assert (error.status, error.message, error.param) == (status, sentence, param)


@pytest.mark.parametrize(
    ("raw", "status", "sentence"),
    [
        ("nonsense", 400, NOT_JSON),
        ("[]", 400, "the body must be an object with the inputs, as /docs shows"),
        ("{}", 400, "inputs: Field required"),
        ('{"inputs": [{"name": "TEXT"}]}', 400, "inputs.0.shape: Field required"),
        (f'{{"inputs": [{{{TENSOR}, "datatype": "FP32"}}]}}', 400, "inputs.0.datatype: Input should be 'BYTES'"),
        (
            f'{{"inputs": [{{{TENSOR}, "datatype": "BYTES", "data": [1]}}]}}',
            400,
            "inputs.0.data: must be a list of strings, one for each item",
        ),
        (
            '{"inputs": [], "parameters": {"timeout": null}}',
            400,
            "parameters: must be an object whose values are numbers, strings or booleans",
        ),
    ],
)
def test_open_inference(raw, status, sentence):
    error = raised(GatewayError, http_body.parse, raw.encode(), None, JsonLimits(32, 1000))
    assert (error.status, error.message) == (status, sentence)


@pytest.mark.parametrize(
    ("raw", "status", "sentence"),
    [
        ("nonsense", 400, "parameters: not JSON: expected ident at line 1 column 2"),
        ("[]", 422, 'parameters: must be a JSON object such as {"top_k": 3}; see /docs'),
        ('{"top_k": 0}', 422, 'parameters: must be a JSON object such as {"top_k": 3}; see /docs'),
    ],
)
def test_parameters_of_a_stream(raw, status, sentence):
    error = raised(GatewayError, ndjson.parse_parameters, raw)
    assert (error.status, error.message) == (status, sentence)


@pytest.mark.parametrize(
    ("raw", "status", "sentence"),
    [
        ("nonsense", 400, "the line is not JSON in UTF-8"),
        ("1", 422, 'the line must be a string, or an object such as {"text": "…"} with the fields of the task'),
    ],
)
def test_a_line_of_a_stream(manifest, raw, status, sentence):
    model = manifest()
    error = raised(GatewayError, ndjson.items, raw.encode(), model, task_of(model), {}, 1000)
    assert (error.status, error.message) == (status, sentence)


class OpenDoor:
    async def enter(self, *_):
        return None


@pytest.fixture
async def administered():
    """A gateway that lets everyone administer it and has no Triton and no state."""
    gateway = create_app(Settings(auth=frozenset()))
    request_limits = SimpleNamespace(body=BodyLimits(1000, 5.0, JsonLimits(32, 1000)))
    gateway.api.state.stack = SimpleNamespace(door=OpenDoor(), keys=SimpleNamespace(), request_limits=request_limits)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(gateway), base_url="http://gateway") as client:
        yield client


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ("nonsense", "the body: Invalid JSON: expected ident at line 1 column 2"),
        ("[]", "the body: Input should be an object"),
        ("", "tenant: Field required"),
        ('{"tenant": "a b"}', "tenant: String should match pattern '^[A-Za-z0-9_.-]{1,100}$'"),
        ('{"tenant": "acme", "s3cret": 1}', "a field that is not known: Extra inputs are not permitted"),
        ('{"tenant": "acme", "limits": {"s3cret": 1}}', "a field that is not known: Extra inputs are not permitted"),
        ('{"tenant": "acme", "limits": {"items_per_s": 0}}', "limits.items_per_s: Input should be greater than 0"),
    ],
)
async def test_administration(administered, raw, sentence):
    answer = await administered.post("/v1/admin/keys", content=raw)
    assert (answer.status_code, answer.json()) == (422, {"error": sentence})


async def test_a_parameter_of_a_path(administered):
    answer = await administered.delete("/v1/cache/models/topics/versions/two")
    sentence = "path.version: Input should be a valid integer, unable to parse string as an integer"
    assert (answer.status_code, answer.json()) == (422, {"error": sentence})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[1]", "Input should be a valid dictionary or instance of _File"),
        (
            "experiments: [{key: a b}]",
            "experiments.0.key: String should match pattern '^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$'; experiments.0.variants: Field required",
        ),
        (
            f"experiments: [{{key: a, model: m, variants: [{HALF}, {HALF}]}}]",
            "experiments.0.variants: the variants' names must differ: x, x",
        ),
        (
            f"experiments: [{ONE_OF_A_MODEL}, {ONE_OF_A_MODEL}]",
            "more than one experiment with key a",
        ),
    ],
)
def test_the_experiments_file(text, sentence):
    assert str(raised(ExperimentsError, experiments.parse, text)) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[1]", "Input should be a valid dictionary or instance of RuntimeSettings"),
        (
            "{log_level: loud, limits: {max_items: 0}, models: {topics: {s: 1}}}",
            "log_level: Input should be 'debug', 'info', 'warning' or 'error'; "
            "limits.max_items: Input should be greater than or equal to 1; models.topics.s: Extra inputs are not permitted",
        ),
    ],
)
def test_the_runtime_settings(text, sentence):
    assert str(raised(RuntimeSettingsError, runtime.parse, text)) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{topics: {ttl_s: -1, ttl_jitter: 2}}", "topics.ttl_s: Input should be greater than 0"),
        ("{topics: {ttl: 1}}", "topics.ttl: Extra inputs are not permitted"),
        ("{topics: 1}", "topics: must be an object, such as {ttl_s: 600}"),
    ],
)
def test_cache_policies(text, sentence):
    assert str(raised(PolicyError, policy.parse, text, CachePolicy())) == sentence


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "http", "HEADRACE_PORT: Input should be a valid integer, unable to parse string as an integer"),
        ("TRITON_HEADERS", "Bad", "HEADRACE_TRITON_HEADERS: give name=value pairs separated by commas, names in lower case"),
        (
            "CACHE_URL",
            "localhost:6379",
            "HEADRACE_CACHE_URL: give redis://host:port/db, rediss:// for TLS or unix:///path, a password before the host as :password@, "
            "in which what is special in URLs (/ ? # @ : %) is percent-encoded",
        ),
        ("CACHE_POLICIES", "{topics: {ttl_s: -1}}", "HEADRACE_CACHE_POLICIES: topics.ttl_s: Input should be greater than 0"),
        (
            "API_KEYS",
            "acme:secret",
            "HEADRACE_API_KEYS: give TENANT:SHA256 or TENANT:SHA256:SCOPE+SCOPE, separated by commas, "
            "SHA256 being the key's sha256 in 64 hex digits",
        ),
        (
            "JWT_JWKS_URL",
            "http://id.example.com/keys",
            r"HEADRACE_JWT_JWKS_URL: String should match pattern '^(https://|http://(127\.0\.0\.1|localhost|\[::1\])[:/])'",
        ),
        (
            "JWT_ALGORITHMS",
            "HS256",
            "HEADRACE_JWT_ALGORITHMS: Input should be 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', "
            "'ES256', 'ES384', 'ES512' or 'EdDSA'",
        ),
        (
            "TLS_CERT_FILE",
            "cert.pem",
            "HEADRACE_TLS_CERT_FILE and HEADRACE_TLS_KEY_FILE belong together: set both or neither",
        ),
    ],
)
def test_settings(monkeypatch, name, value, sentence):
    monkeypatch.setenv(f"HEADRACE_{name}", value)
    assert str(raised(SettingsError, Settings.read)) == sentence
