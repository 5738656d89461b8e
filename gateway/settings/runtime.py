"""Settings that change without a restart: a YAML file that is read again when it changes.

When it is wrong, the last good one stays in force. What it leaves out is as the environment says.

log_level: debug
limits:
  request_timeout_ms: 2000
defaults:                      # of every model
  max_pending: 512
models:
  topics:                      # only what differs
    max_pending: 64
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.faults import all_in_one
from gateway.files import yaml_text
from gateway.files.watched import FileKind, Watched
from gateway.observability import metrics
from gateway.request.request_limits import MAX_ITEMS


class RuntimeSettingsError(ValueError):
    """Runtime settings that cannot be used; the message says where and why."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    def given(self) -> dict[str, Any]:
        """The fields that the file names."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class RuntimeLimits(_Part):
    """What a request may ask for, for any model."""

    request_timeout_ms: float | None = Field(None, gt=0, description="deadline of a request that names none in X-Request-Timeout-Ms")
    request_timeout_per_item_ms: float | None = Field(
        None, ge=0, description="by so much the deadline of such a request is longer for each text but the first"
    )
    max_request_timeout_ms: float | None = Field(
        None, gt=0, description="longest deadline of any request, X-Request-Timeout-Ms may ask for no more"
    )
    max_items: int | None = Field(None, ge=1, le=MAX_ITEMS, description="most texts or pairs of texts in a request")
    max_body_bytes: int | None = Field(None, ge=1, description="largest request body")
    max_text_bytes: int | None = Field(None, ge=1, description="largest single text, UTF-8")


class ModelSettings(_Part):
    """What can be set for each model."""

    max_pending: int | None = Field(
        None, ge=1, description="most texts that may wait for one version; beyond, the client that holds most is shed"
    )
    max_in_flight: int | None = Field(None, ge=1, description="most calls to Triton at once per version")


class RuntimeSettings(_Part):
    """The file's contents."""

    log_level: Literal["debug", "info", "warning", "error"] | None = Field(None, description="requests are logged at info")
    limits: RuntimeLimits = RuntimeLimits()
    defaults: ModelSettings = ModelSettings()
    models: Mapping[str, ModelSettings] = {}

    def of_model(self, name: str) -> ModelSettings:
        """A model's own settings, with the defaults for what they leave out.

        None: as the environment says.
        """
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


Runtime = Watched[RuntimeSettings]
"""The runtime settings in force, and the file that they come from."""


def runtime_at(path: Path | None) -> Runtime:
    """The runtime settings in the file at `path`, not read yet; None: there are none."""
    return Watched(
        path,
        FileKind(
            parse=parse,
            empty=RuntimeSettings(),
            error=RuntimeSettingsError,
            valid=metrics.RUNTIME_VALID,
            taken="runtime settings read",
            refused="runtime settings refused, the last good ones stay in force",
            shown=lambda settings: settings.model_dump(exclude_unset=True),
        ),
    )
