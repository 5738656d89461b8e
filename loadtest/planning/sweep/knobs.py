"""What a sweep can turn. Pure.

The knobs are of Triton's configuration, the gateway's settings, and the workload that both are
measured with.
"""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

WORKLOAD = ("repeat", "zipf", "batch_sizes", "lengths", "dialect")
UNJOINED = 1024
"""Calls in flight with which each text has a call of its own."""
PREFIX = "HEADRACE_"


class ZipfKnob(BaseModel):
    """Texts drawn by Zipf's law, from a cache that begins empty."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    exponent: float = Field(ge=0)
    texts: int = Field(10_000, ge=1)


class BatchSizeKnob(BaseModel):
    """Requests with so many texts, and their share."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    texts: int = Field(ge=1, le=64)
    weight: float = Field(1.0, gt=0)


class LengthsKnob(BaseModel):
    """Texts of so many words, and their share."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    min_words: int = Field(ge=0)
    max_words: int = Field(ge=0)
    weight: float = Field(1.0, gt=0)


class Knobs(BaseModel):
    """One configuration.

    A knob that is not turned (None) stays as packaged, or as the gateway has it by default.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    version: int | None = Field(None, ge=1, description="packaged version, and so its precision; none: the newest")
    dynamic_batching: bool | None = Field(None, description="whether Triton joins calls that wait")
    queue_delay_us: int | None = Field(None, ge=0, description="how long Triton's dynamic batcher waits for more calls")
    preferred_batch_sizes: list[int] | None = Field(None, description="batch sizes for which it does not wait; [] for none")
    max_batch_size: int | None = Field(None, ge=1, description="most texts of a batch, Triton's and the gateway's")
    instances: int | None = Field(None, ge=1, description="instances of the version")
    parameters: dict[str, str | int | float] = Field(default_factory=dict, description="backend parameters, such as intra_op_threads")
    joining: bool | None = Field(None, description="whether the gateway joins concurrent texts into one call")
    cache: bool | None = Field(None, description="whether the gateway keeps answers")
    workers: int | None = Field(None, ge=1, description="processes of the gateway")
    settings: dict[str, str | int | float] = Field(default_factory=dict, description="other settings of the gateway, HEADRACE_*")
    repeat: float | None = Field(None, ge=0, le=1, description="share of texts that the cache was given before; none: 0")
    zipf: ZipfKnob | None = Field(None, description="instead of repeat: texts by Zipf's law, from an empty cache")
    batch_sizes: list[BatchSizeKnob] | None = Field(None, description="texts of a request; none: one")
    lengths: list[LengthsKnob] | None = Field(None, description="words of a text; none: as the corpus has them")
    dialect: str | None = Field(None, description="how the gateway is asked; none: its own way")

    @model_validator(mode="after")
    def _is_sound(self) -> "Knobs":
        most = self.max_batch_size
        for size in self.preferred_batch_sizes or ():
            if size < 1 or (most is not None and size > most):
                raise ValueError(f"preferred_batch_sizes must lie between 1 and max_batch_size ({most or 'as packaged'}), not {size}")
        for name in self.settings:
            if not name.startswith(PREFIX):
                raise ValueError(f"settings are variables {PREFIX}…, not {name!r}")
        return self

    def turned(self) -> dict[str, JsonValue]:
        """The knobs that are turned, as JSON values.

        Those that mean nothing beside the others are left out.
        """
        values: dict[str, JsonValue] = self.model_dump(exclude_defaults=True)
        if self.dynamic_batching is False:
            for name in ("queue_delay_us", "preferred_batch_sizes"):
                values.pop(name, None)
        if self.zipf is not None:
            values.pop("repeat", None)
        return values

    def workload(self) -> dict[str, JsonValue]:
        """The fields of a scenario's workload."""
        values = self.turned()
        return {"repeat": 0.0} | {name: values[name] for name in WORKLOAD if name in values}

    def gateway_settings(self, model: str) -> dict[str, str]:
        """The gateway's variables; `settings` override the other knobs."""
        variables = {}
        if self.joining is False:
            variables[f"{PREFIX}MAX_IN_FLIGHT"] = str(UNJOINED)
        if self.cache is False:
            variables[f"{PREFIX}CACHE_POLICIES"] = f'{{"{model}": {{"enabled": false}}}}'
        return variables | {name: str(value) for name, value in self.settings.items()}


def described(values: Mapping[str, JsonValue]) -> str:
    """Knobs in a line: `dynamic_batching=off queue_delay_us=2000`."""
    return " ".join(f"{name}={shown(value)}" for name, value in values.items())


def shown(value: JsonValue) -> str:
    """One value of a knob: `off`, `2000`, `[8,16]`."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, dict):
        return "{" + ",".join(f"{name}:{shown(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(shown, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)
