"""SWEEP.yaml: what is swept and how it is measured, checked field by field."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from loadtest.faults import Fault, faults
from loadtest.planning.search.bounds import Bounds
from loadtest.planning.sweep.errors import SweepError
from loadtest.planning.sweep.knobs import Knobs
from loadtest.scenario.yaml_file import YamlFileError, read_mapping
from loadtest.slo import Slo, parse_slo

PATHS = ("repository", "corpus")


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


def _defaults_or_none(value: Any) -> Any:
    return {} if value is True else None if value is False else value


class SearchField(BaseModel):
    """How the highest rate within the SLO is looked for; see `search`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    first_rps: float = 10.0
    resolution: float = 0.1
    most_rps: float = 100_000.0
    most_trials: int = 40
    duration_s: float | None = Field(None, gt=0, description="of a trial; none: that of the sweep")

    @model_validator(mode="after")
    def _is_sound(self) -> "SearchField":
        _ = self.bounds
        return self

    @property
    def bounds(self) -> Bounds:
        """The bounds of the search, which checks them."""
        return Bounds(first_rps=self.first_rps, resolution=self.resolution, most_rps=self.most_rps, most_trials=self.most_trials)


class Loads(BaseModel):
    """The loads that every configuration is put under: fixed rates, a search, or both."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    rates_rps: list[Annotated[float, Field(gt=0)]] = Field(default_factory=list)
    search: Annotated[SearchField | None, BeforeValidator(_defaults_or_none)] = None

    @model_validator(mode="after")
    def _is_some(self) -> "Loads":
        if not self.rates_rps and self.search is None:
            raise ValueError("give rates_rps, or search, or both")
        return self


class ProfileField(BaseModel):
    """Asks that the best configuration is profiled for `plan`; `seconds` of each run."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    seconds: float = Field(5.0, gt=0)


class SpotField(BaseModel):
    """How a cloud takes spot instances away.

    That is the share of them in a month, seconds until another one is warm, seconds of warning.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    interrupted_per_month: float = Field(0.2, ge=0, lt=1)
    replace_s: float = Field(300.0, ge=0)
    notice_s: float = Field(120.0, ge=0)


class Prices(BaseModel):
    """The instance types that a rate is priced with: the first decides what is cheapest."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    instances: list[str] = Field(min_length=1)
    table: str | None = None
    spot: SpotField = SpotField()


class Document(BaseModel):
    """A sweep as it was written. Paths are relative to the file's own folder."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: str = Field(min_length=1)
    repository: str = Field(min_length=1)
    corpus: str = Field(min_length=1)
    slo: str
    base: dict[str, Any] = Field(default_factory=dict)
    grid: Annotated[list[dict[str, list[Any]]], BeforeValidator(_one_or_many)] = Field(default_factory=list)
    configurations: list[dict[str, Any]] = Field(default_factory=list)
    loads: Loads
    duration_s: float = Field(10.0, gt=0)
    warm_up_s: float = Field(2.0, ge=0)
    repetitions: int = Field(1, ge=1)
    seed: int = 1
    generators: int = Field(1, ge=1)
    timeout_s: float = Field(10.0, gt=0)
    max_in_flight: int = Field(1000, ge=1)
    shared_machine: bool = False
    prices: Prices | None = None
    profile: Annotated[ProfileField | None, BeforeValidator(_defaults_or_none)] = None

    @field_validator("slo")
    @classmethod
    def _is_an_slo(cls, text: str) -> str:
        return str(parse_slo(text))

    @property
    def objectives(self) -> Slo:
        """The SLO, parsed."""
        return parse_slo(self.slo)


def read_document(path: Path) -> Document:
    """The sweep that a file describes.

    Raises:
        SweepError: the file cannot be read, or a field is missing, unknown or wrong; the message
            names it with its path.
    """
    try:
        values = read_mapping(path, "model, repository, corpus, slo, loads")
    except YamlFileError as exc:
        raise SweepError(str(exc)) from exc
    document = parse_document(values, str(path))
    here = {name: str(path.parent / getattr(document, name)) for name in PATHS}
    prices = document.prices
    if prices is not None and prices.table is not None:
        prices = prices.model_copy(update={"table": str(path.parent / prices.table)})
    return document.model_copy(update=here | {"prices": prices})


def parse_document(values: Any, where: str) -> Document:
    """The sweep that YAML values describe.

    Raises:
        SweepError: a field is missing, unknown or wrong; the message names it with its path.
    """
    try:
        return Document.model_validate(values)
    except ValidationError as exc:
        raise SweepError("; ".join(_sentence(where, fault) for fault in faults(exc))) from exc


def parse_knobs(values: Any, where: str) -> Knobs:
    """The knobs of one configuration.

    Raises:
        SweepError: a knob is unknown or has a value that it cannot have; the message names it with
            its path.
    """
    try:
        return Knobs.model_validate(values)
    except ValidationError as exc:
        fault = faults(exc)[0]
        known = f"; there are {', '.join(Knobs.model_fields)}" if fault.is_unknown and len(fault.place) == 1 else ""
        raise SweepError(_sentence(where, fault) + known) from exc


def _sentence(where: str, fault: Fault) -> str:
    return f"{where}: {fault.path}: no such field" if fault.is_unknown else fault.sentence(where)
