"""The price table: what instance types have and cost.

It is read from `prices.yaml` beside this file, and from a file of the user's own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from loadtest.faults import faults

SCHEMA_VERSION = 1
SHIPPED = "prices.yaml"


class PriceError(ValueError):
    """A price file cannot be used, or a type has no such price; the message is for the user."""


class Price(BaseModel):
    """One instance type: its hardware, and its prices in US dollars per hour.

    `source` and `date` say where and when the prices were published.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    region: str = Field(min_length=1)
    vcpus: float = Field(gt=0)
    memory_gib: float = Field(gt=0)
    gpu: str = ""
    gpus: int = Field(0, ge=0)
    on_demand_usd_per_hour: float | None = Field(None, ge=0)
    spot_usd_per_hour: float | None = Field(None, ge=0)
    source: str = Field(min_length=1)
    date: date

    @model_validator(mode="after")
    def _is_sound(self) -> "Price":
        if bool(self.gpu) != bool(self.gpus):
            raise ValueError("gpu and gpus go together: name the GPU and how many there are, or neither")
        if self.spot_usd_per_hour is not None and self.on_demand_usd_per_hour is None:
            raise ValueError("a spot price needs the on-demand price beside it, which covers its gaps")
        return self


@dataclass(frozen=True)
class PriceTable(Mapping[str, Price]):
    """Prices by the name of the instance type, such as `aws/g6.xlarge`."""

    entries: dict[str, Price]

    def __getitem__(self, name: str) -> Price:
        try:
            return self.entries[name]
        except KeyError:
            known = ", ".join(sorted(self.entries))
            raise PriceError(
                f"The price table has no {name!r}; it has {known}. Add it to a file of your own and name that with --prices."
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def on_demand(self, name: str) -> float:
        """US dollars per hour on demand.

        Raises:
            PriceError: an unknown type, or one without a price.
        """
        price = self[name].on_demand_usd_per_hour
        if price is None:
            raise PriceError(f"{name} has no price: give its on_demand_usd_per_hour in a file of your own and name that with --prices.")
        return price


def read_prices(own: Path | None = None) -> PriceTable:
    """The shipped table, with the user's own entries beside shipped ones or in their place.

    Raises:
        PriceError: the user's file cannot be read, or an entry is not sound; the message names the
            file, the entry and the field.
    """
    entries = _entries(files("loadtest.cost").joinpath(SHIPPED).read_text(encoding="utf-8"), SHIPPED)
    if own is not None:
        try:
            text = own.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise PriceError(f"{own} cannot be read: {exc}") from exc
        entries |= _entries(text, str(own))
    return PriceTable(entries)


def _entries(text: str, file: str) -> dict[str, Price]:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        raise PriceError(f"{file} is no YAML: {exc}") from exc
    if not isinstance(document, dict) or document.get("schema") != SCHEMA_VERSION or not isinstance(document.get("prices"), dict):
        raise PriceError(f"{file} must be a mapping with `schema: {SCHEMA_VERSION}` and `prices:`, entries by name.")
    if unknown := sorted(map(str, document.keys() - {"schema", "prices"})):
        raise PriceError(f"{file}: {', '.join(unknown)}: there are only `schema` and `prices`.")
    return {str(name): _price(values, f"{file}: {name}") for name, values in document["prices"].items()}


def _price(values: Any, where: str) -> Price:
    if not isinstance(values, dict):
        raise PriceError(f"{where} must be a mapping of fields, such as vcpus and on_demand_usd_per_hour.")
    try:
        return Price.model_validate(values)
    except ValidationError as exc:
        raise PriceError("; ".join(fault.sentence(where) for fault in faults(exc))) from exc
