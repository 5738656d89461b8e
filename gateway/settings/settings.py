"""Settings: `HEADRACE_*`, read once, validated, frozen."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, InstanceOf, Secret, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from gateway.cache.policy import MAX_LIFE_S, CachePolicy
from gateway.faults import faults
from gateway.request.rate_limits import RateLimits, parse_rate_limits
from gateway.request.request_limits import MAX_ITEMS
from gateway.security.tokens import Algorithm, TokenRules
from gateway.settings import values as setting_values
from gateway.settings.cache_policies import default_policy, parse_policies
from gateway.settings.contradictions import contradiction, no_way_in
from gateway.settings.secret import HttpsUrl, RedisUrl
from gateway.settings.unknown import unknown
from gateway.settings.values import FixedKey, of_text
from model_repository.signature import PublicKey

PREFIX = "HEADRACE_"


class SettingsError(ValueError):
    """A setting that cannot be used; the message names it."""


class Settings(BaseSettings):
    """All settings of a gateway; each field is read from `HEADRACE_<NAME>`.

    The pages of `gateway/docs` say more: `http.md` of connections, `cache.md`, `overload.md` and so
    on.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, env_ignore_empty=True, allow_inf_nan=False, hide_input_in_errors=True)

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8080, ge=1, le=65535, description="port to listen on")
    keep_alive_s: float = Field(
        75, gt=0, description="how long an idle connection stays open, seconds; longer than the proxies in front keep theirs"
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(of_text(setting_values.origins))] = Field(
        (), description="origins whose pages may ask from a browser, e.g. https://app.example, separated by commas; *: all; none: no page"
    )
    grpc_port: int = Field(0, ge=0, le=65535, description="port of the Open Inference Protocol over gRPC; 0: not spoken")
    grpc_max_streams: int = Field(
        256, ge=1, description="most gRPC calls that a connection may have open at once, a stream being one; a client keeps back others"
    )
    triton_url: Annotated[str, BeforeValidator(of_text(setting_values.endpoints))] = Field(
        "127.0.0.1:8000",
        description="host:port of Triton's HTTP endpoint; several separated by commas; dns:///host:port for all addresses of a name",
    )
    retry_share: float = Field(
        0.1, ge=0, le=1, description="share of the calls that may be retried with another Triton, or hedged; 0: none"
    )
    hedge_percentile: float | None = Field(
        None,
        gt=0,
        lt=100,
        description="a call that takes longer than this percentile of similar calls goes to a second Triton too; none: never",
    )
    cache_url: RedisUrl | None = Field(None, description="Redis or Valkey of the response cache; none: no cache")
    cache_ttl_s: float = Field(3600, gt=0, le=MAX_LIFE_S, description="how long a cached answer is fresh, seconds")
    cache_ttl_jitter: float = Field(0.1, ge=0, lt=1, description="a life is drawn from ±this share around the TTL")
    cache_timeout_ms: float = Field(50, gt=0, description="longest wait for the cache before a request goes on without it")
    cache_stale_while_revalidate_s: float = Field(
        0,
        ge=0,
        le=MAX_LIFE_S,
        description="how long after that it still answers at once while it is computed anew in the background, seconds",
    )
    cache_stale_if_error_s: float = Field(
        0, ge=0, le=MAX_LIFE_S, description="how long after that it still answers while Triton fails, seconds"
    )
    cache_max_value_bytes: int = Field(2**18, ge=0, description="larger answers are not cached")
    cache_compress_above_bytes: int = Field(
        1024, ge=0, description="larger answers are compressed in the cache where that makes them smaller"
    )
    cache_lease_s: float = Field(
        0,
        ge=0,
        le=3600,
        description="how long one gateway may compute a missing answer that the others wait for, seconds; 0: each computes its own",
    )
    cache_tenants: Annotated[frozenset[str], NoDecode, BeforeValidator(of_text(setting_values.names))] = Field(
        frozenset(), description="tenants with a cache of their own, separated by commas; all: every tenant"
    )
    cache_policies: Annotated[dict[str, CachePolicy], NoDecode, BeforeValidator(parse_policies)] = Field(
        default_factory=dict,
        description="YAML file (or JSON itself) of cache policies by model, such as {topics: {ttl_s: 600}}; the rest is as set above",
    )
    cache_memory_bytes: int = Field(2**25, ge=0, description="size of each worker's own cache before Redis; 0: none")
    cache_memory_life_s: float = Field(60, gt=0, description="longest life of an answer in a worker's own cache, seconds")
    cache_refresh_s: float = Field(1, gt=0, description="how often a worker asks Redis what was deleted from the cache, seconds")
    price_usd_per_hour: float | None = Field(None, gt=0, description="price of the Triton instance, for the money that the cache saves")
    experiments_file: Path | None = Field(None, description="YAML file of the A/B experiments; read again when it changes")
    experiments_kept_file: Path | None = Field(
        Path(".work/experiments.json"),
        description="copy of the experiments in state, with which a gateway starts while state is gone; none where it cannot be written",
    )
    runtime_file: Path | None = Field(
        None, description="YAML file of settings that change without a restart (log level, limits); read again when it changes"
    )
    auth: Annotated[frozenset[str], NoDecode, BeforeValidator(of_text(setting_values.ways_in))] = Field(
        frozenset({"keys"}),
        description="how callers prove who they are: keys, jwt, or both as keys,jwt; off: everyone may ask, nobody may administer",
    )
    api_keys: Annotated[Secret[dict[str, FixedKey]], NoDecode, BeforeValidator(of_text(setting_values.api_keys))] = Field(
        Secret({}),
        description="API keys beside those in state: TENANT:SHA256[:SCOPE+SCOPE], separated by commas; default scopes: predict+feedback",
    )
    key_refresh_s: float = Field(
        2, gt=0, description="how often keys in use are looked up again; a revoked key is refused after this time, seconds"
    )
    key_outage_s: float = Field(300, gt=0, description="how long keys in use stay valid while state does not answer, seconds")
    limits_per_key: Annotated[RateLimits, NoDecode, BeforeValidator(of_text(parse_rate_limits))] = Field(
        RateLimits(),
        description="rate limits of a key without limits of its own, e.g. requests_per_s=50,items_per_day=1000000; none: no limit",
    )
    limits_per_tenant: Annotated[RateLimits, NoDecode, BeforeValidator(of_text(parse_rate_limits))] = Field(
        RateLimits(), description="rate limits of all keys together of a tenant without limits of its own; none: no limit"
    )
    jwt_jwks_url: HttpsUrl | None = Field(None, description="https URL of the key set that tokens are signed with")
    jwt_issuer: str | None = Field(None, min_length=1, description="the iss that tokens must have")
    jwt_audience: str | None = Field(None, min_length=1, description="the aud that tokens must have")
    jwt_tenant_claim: str = Field("tenant", min_length=1, description="the claim that names the tenant")
    jwt_scopes_claim: str = Field("scope", min_length=1, description="the claim with the scopes: a list, or names separated by spaces")
    jwt_algorithms: Annotated[tuple[Algorithm, ...], NoDecode, BeforeValidator(of_text(setting_values.words))] = Field(
        ("RS256", "ES256", "EdDSA"),
        min_length=1,
        description="the signature algorithms that are accepted, separated by commas; symmetric ones are never",
    )
    state_url: RedisUrl | None = Field(None, description="Redis or Valkey of what must not be lost: keys, limits, quotas, experiments")
    state_timeout_ms: float = Field(100, gt=0, description="longest wait for state")
    state_dir: Path = Field(Path(".work/state"), description="folder where the state of --embedded outlives the gateway")
    state_may_lose_writes: bool = Field(
        False, description="keep experiments even in state that may lose what it acknowledged, as /readyz then says"
    )
    redis_ca_file: Path | None = Field(None, description="authorities that rediss:// servers are checked with; none: the system's")
    redis_client_cert_file: Path | None = Field(None, description="our certificate toward rediss:// servers that ask for one")
    redis_client_key_file: Path | None = Field(None, description="its private key")
    triton_tls: bool = Field(False, description="speak TLS with Triton; a triton_ca_file turns it on, too")
    triton_ca_file: Path | None = Field(None, description="authorities that Triton is checked with; none: the system's")
    triton_client_cert_file: Path | None = Field(None, description="our certificate toward a Triton that asks for one")
    triton_client_key_file: Path | None = Field(None, description="its private key")
    triton_headers: Annotated[Secret[dict[str, str]], NoDecode, BeforeValidator(of_text(setting_values.headers))] = Field(
        Secret({}), description="headers of every call to Triton, e.g. authorization=Bearer …, separated by commas"
    )
    tls_cert_file: Path | None = Field(None, description="the gateway's certificate with its chain: it then speaks https and nothing else")
    tls_key_file: Path | None = Field(None, description="its private key")
    manifest_public_key: Annotated[InstanceOf[PublicKey] | None, NoDecode, BeforeValidator(of_text(PublicKey.read))] = Field(
        None,
        description="ed25519 public key, a file or base64: only versions whose manifests its owner signed may answer; none: all versions",
    )
    default_models: Annotated[dict[str, str], NoDecode, BeforeValidator(of_text(setting_values.default_models))] = Field(
        default_factory=dict,
        description="models that answer at paths that name none, e.g. embed=minilm,predict=topics,rerank=ranker,root=minilm; "
        "the only model of a task is that task's default",
    )
    model_aliases: Annotated[dict[str, str], NoDecode, BeforeValidator(of_text(setting_values.model_aliases))] = Field(
        default_factory=dict,
        description="other names of models, for clients whose model's name is fixed, "
        "e.g. text-embedding-ada-002=minilm,sentence-transformers/all-MiniLM-L6-v2=minilm",
    )
    request_timeout_ms: float = Field(10_000, gt=0, description="deadline of a request that names none in X-Request-Timeout-Ms")
    request_timeout_per_item_ms: float = Field(
        500, ge=0, description="by so much the deadline of such a request is longer for each text but the first"
    )
    max_request_timeout_ms: float = Field(
        600_000, gt=0, description="longest deadline of any request, X-Request-Timeout-Ms may ask for no more"
    )
    max_body_bytes: int = Field(2**23, ge=1, description="largest request body")
    max_text_bytes: int = Field(2**17, ge=1, description="largest single text, UTF-8")
    max_items: int = Field(2048, ge=1, le=MAX_ITEMS, description="most texts or pairs of texts in a request")
    max_json_depth: int = Field(32, ge=1, description="most levels that JSON in a request may be nested")
    max_json_values: int = Field(
        100_000,
        ge=1,
        description="most values that JSON in a request may have; of /v1/embeddings, which takes lists of tokens, 4 times as many",
    )
    max_headers: int = Field(100, ge=1, description="most headers of a request")
    max_header_bytes: int = Field(32_768, ge=256, description="largest request line and headers together")
    header_timeout_s: float = Field(10, gt=0, description="how long a client may take from connecting to the end of its headers")
    body_timeout_s: float = Field(20, gt=0, description="how long a client may take for a body")
    write_timeout_s: float = Field(30, gt=0, description="how long a client may leave its answer unread before the connection is dropped")
    max_pending: int = Field(
        32_768, ge=1, description="most texts that may wait for one version; beyond, the client that holds most is shed with 429"
    )
    max_pending_bytes: int = Field(
        2**26, ge=1, description="most bytes of texts and parameters that may wait for a version; beyond, the same"
    )
    latency_objective_ms: float = Field(
        500, gt=0, description="experiments count requests that took longer as slow; the objective of the service, milliseconds"
    )
    target_latency_ms: float = Field(
        500, gt=0, description="the number of texts in flight to Triton is adapted so that a call takes no longer than about this"
    )
    batch_share: float = Field(
        0.5, gt=0, le=1, description="share of what is in flight to Triton that X-Priority: batch may have beside interactive work"
    )
    max_in_flight: int | None = Field(
        None, ge=1, description="most calls to Triton at once per version; none: one more than it has instances"
    )
    stream_window: int = Field(128, ge=1, description="most lines of one :predictStream that are being answered at once")
    stream_stall_s: float = Field(
        60, gt=0, description="how long a stream's client may neither send nor read before the stream is cut off, seconds"
    )
    catalog_refresh_s: float = Field(2, gt=0, description="how often the catalog is read from Triton, seconds")
    drain_delay_s: float = Field(
        0, ge=0, description="how long requests are still accepted after SIGTERM, while /readyz says 503 and proxies turn away, seconds"
    )
    drain_timeout_s: int = Field(20, ge=0, description="how long in-flight requests may take after SIGTERM, seconds")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="requests are logged at info")

    @property
    def cache_policy(self) -> CachePolicy:
        """The cache policy of models without a policy of their own."""
        return default_policy(self.__dict__)

    @property
    def token_issuer(self) -> tuple[str, TokenRules] | None:
        """The URL of an issuer's key set and what its tokens must have; None: no token is taken."""
        if "jwt" not in self.auth or not (self.jwt_jwks_url and self.jwt_issuer and self.jwt_audience):
            return None
        claims = self.jwt_tenant_claim, self.jwt_scopes_claim
        return self.jwt_jwks_url.get_secret_value(), TokenRules(self.jwt_issuer, self.jwt_audience, self.jwt_algorithms, *claims)

    @model_validator(mode="after")
    def _check(self) -> "Settings":
        if sentence := contradiction(self, PREFIX):
            raise ValueError(sentence)
        return self

    def require_a_way_in(self) -> None:
        """Refuse settings under which nobody could be authenticated.

        Raises:
            SettingsError: API keys are required and there can be none; names the ways out.
        """
        if sentence := no_way_in(self, PREFIX):
            raise SettingsError(sentence)

    @classmethod
    def read(cls) -> "Settings":
        """Read the environment.

        Raises:
            SettingsError: names the variable and what is wrong with it; a variable that is no
                setting is wrong too.
        """
        if sentence := unknown(os.environ, cls.model_fields, PREFIX):
            raise SettingsError(sentence)
        try:
            return cls()
        except ValidationError as exc:
            fault = faults(exc)[0]
            variable = tuple(f"{PREFIX}{str(name).upper()}" for name in fault.place[:1])
            # `from None`: the library's error quotes values, and some are secrets
            raise SettingsError(fault._replace(place=variable).sentence) from None
