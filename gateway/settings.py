"""Settings: `HEADRACE_*`, read once, validated, frozen."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, InstanceOf, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from model_repository.signature import PublicKey

PREFIX = "HEADRACE_"
_KEY = re.compile(r"([A-Za-z0-9_.-]+):([0-9a-f]{64})")


class SettingsError(ValueError):
    """A setting that cannot be used; the message names it."""


def _parse_keys(value: object) -> object:
    if not isinstance(value, str):
        return value
    keys = {}
    for entry in filter(None, (part.strip() for part in value.split(","))):
        if not (match := _KEY.fullmatch(entry)):
            raise ValueError("give TENANT:SHA256 pairs separated by commas, SHA256 being the key's sha256 in 64 hex digits")
        keys[match[2]] = match[1]
    return keys


def _parse_public_key(value: object) -> object:
    # a SignatureError is a ValueError: its sentence stands in ours
    return PublicKey.read(value) if isinstance(value, str) else value


class Settings(BaseSettings):
    """What a gateway can be told; each field is read from `HEADRACE_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, env_ignore_empty=True)

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8080, ge=1, le=65535, description="port to listen on")
    triton_url: str = Field("127.0.0.1:8001", pattern=r"^[^/\s]+:\d+$", description="host:port of Triton's gRPC endpoint")
    cache_url: str | None = Field(
        None, pattern=r"^(redis|rediss|unix)://", description="Redis or Valkey of the response cache; none: no cache"
    )
    cache_ttl_s: float = Field(3600, gt=0, description="life of a cached answer, seconds")
    cache_ttl_jitter: float = Field(0.1, ge=0, lt=1, description="a life is drawn from ±this share around the TTL")
    cache_timeout_ms: float = Field(50, gt=0, description="longest wait for the cache before a request goes on without it")
    experiments_file: Path | None = Field(None, description="YAML file of the A/B experiments; read again when it changes")
    runtime_file: Path | None = Field(
        None, description="YAML file of settings that change without a restart (log level, limits); read again when it changes"
    )
    api_keys: Annotated[dict[str, str], NoDecode, BeforeValidator(_parse_keys)] = Field(
        default_factory=dict, description="TENANT:SHA256 of each API key, separated by commas; none: no key is asked for"
    )
    manifest_public_key: Annotated[InstanceOf[PublicKey] | None, NoDecode, BeforeValidator(_parse_public_key)] = Field(
        None, description="ed25519 public key, a file or base64: only versions whose manifests its owner signed may answer; none: all may"
    )
    request_timeout_ms: float = Field(10_000, gt=0, description="deadline of a request that names none in X-Request-Timeout-Ms")
    max_body_bytes: int = Field(2**21, ge=1, description="largest request body")
    max_text_bytes: int = Field(2**17, ge=1, description="largest single text, UTF-8")
    max_pending: int = Field(1024, ge=1, description="most texts that may wait for one version; more are shed with 429")
    max_in_flight: int | None = Field(None, ge=1, description="most calls to Triton at once per version; none: its instances and one")
    catalog_refresh_s: float = Field(2, gt=0, description="how often the catalog is read from Triton, seconds")
    drain_timeout_s: int = Field(20, ge=0, description="how long in-flight requests may take after SIGTERM, seconds")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="requests are logged at info")

    @classmethod
    def read(cls) -> "Settings":
        """Read the environment.

        Raises:
            SettingsError: names the variable and what is wrong with it.
        """
        try:
            return cls()
        except ValidationError as exc:
            fault = exc.errors(include_input=False)[0]
            name = PREFIX + str(fault["loc"][0]).upper() if fault["loc"] else PREFIX + "*"
            raise SettingsError(f"{name}: {fault['msg'].removeprefix('Value error, ')}") from exc
