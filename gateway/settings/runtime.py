"""Settings that change without a restart: a YAML file, read again when it changes, the last good one kept when it is wrong.

log_level: debug               # what is left out stays as the environment says
limits:
  request_timeout_ms: 2000
defaults:                      # of every model
  max_pending: 512
models:
  topics:                      # only what differs
    max_pending: 64
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.faults import all_in_one
from gateway.files import yaml_text
from gateway.files.watched_file import WatchedFile
from gateway.observability import metrics

log = structlog.get_logger()


class RuntimeSettingsError(ValueError):
    """Runtime settings that cannot be used; the message says where and why."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    def given(self) -> dict[str, Any]:
        """The fields that the file names."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class RuntimeLimits(_Part):
    """What a request may ask for, whatever its model."""

    request_timeout_ms: float | None = Field(None, gt=0, description="deadline of a request that names none in X-Request-Timeout-Ms")
    max_request_timeout_ms: float | None = Field(None, gt=0, description="longest deadline that X-Request-Timeout-Ms may ask for")
    max_items: int | None = Field(None, ge=1, description="most texts or pairs of texts in a request")
    max_body_bytes: int | None = Field(None, ge=1, description="largest request body")
    max_text_bytes: int | None = Field(None, ge=1, description="largest single text, UTF-8")


class ModelSettings(_Part):
    """What can be set for each model."""

    max_pending: int | None = Field(None, ge=1, description="most texts that may wait for one version; more are shed with 429")
    max_in_flight: int | None = Field(None, ge=1, description="most calls to Triton at once per version")


class RuntimeSettings(_Part):
    """The file's contents."""

    log_level: Literal["debug", "info", "warning", "error"] | None = Field(None, description="requests are logged at info")
    limits: RuntimeLimits = RuntimeLimits()
    defaults: ModelSettings = ModelSettings()
    models: Mapping[str, ModelSettings] = {}

    def of_model(self, name: str) -> ModelSettings:
        """A model's own settings, and for what they leave out the defaults; None stands for what the environment says."""
        own = self.models.get(name)
        return self.defaults if own is None else self.defaults.model_copy(update=own.given())


def parse(text: str) -> RuntimeSettings:
    """Read the file's contents.

    Raises:
        RuntimeSettingsError: not YAML, or not valid settings; the message names each fault.
    """
    try:
        return RuntimeSettings.model_validate(yaml_text.load(text) or {})
    except ValidationError as exc:
        raise RuntimeSettingsError(all_in_one(exc)) from exc
    except ValueError as exc:
        raise RuntimeSettingsError(str(exc)) from exc


class Runtime:
    """The runtime settings in force, and the file that they come from (None: there are none)."""

    def __init__(self, path: Path | None) -> None:
        self._file = WatchedFile(path, parse, RuntimeSettings())

    @property
    def current(self) -> RuntimeSettings:
        """The settings in force."""
        return self._file.current

    @property
    def fault(self) -> str | None:
        """Why the file as it stands is not in force, None where it is."""
        return self._file.fault

    def read(self) -> None:
        """Take the file over if its contents changed.

        Raises:
            RuntimeSettingsError: it cannot be read or used; what was in force stays in force.
        """
        self._file.read()
        self._measure()
        if self.fault:
            raise RuntimeSettingsError(self.fault)

    async def watch(self, apply: Callable[[], None]) -> None:
        """Read the file again whenever it changes, for ever, and `apply` it; a fault is said once and the last good settings stay."""

        def changed() -> None:
            self._measure()
            if self.fault:
                log.error("runtime settings refused, the last good ones stay in force", reason=self.fault)
            else:
                apply()
                log.info("runtime settings read", **self.current.model_dump(exclude_unset=True))

        await self._file.watch(changed)

    def _measure(self) -> None:
        metrics.RUNTIME_VALID.set(self.fault is None)
