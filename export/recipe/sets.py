"""The sets that a recipe names: to judge a version by, to compare it on, to calibrate it."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """A part of a recipe: an unknown field is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Columns(Strict):
    """A set, and the columns that a task reads from it.

    `data` is CSV, JSON lines or a JSON array, Parquet or a folder of the datasets library;
    `columns` names the columns of further roles (`question: q`).
    """

    data: Path
    text: str = "text"
    text_pair: str | None = None
    label: str = "label"
    columns: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _each_role_has_one_column(self) -> Self:
        if twice := {"text", "text_pair", "label"} & self.columns.keys():
            raise ValueError(f"columns.{min(twice)}: write it as {type(self).__name__.lower()}.{min(twice)}")
        return self

    @property
    def named(self) -> frozenset[str]:
        """The roles whose columns the recipe names itself, with another name or their own."""
        return frozenset({"text", "text_pair", "label"} & self.model_fields_set | self.columns.keys()) & self.roles.keys()

    @property
    def roles(self) -> dict[str, str]:
        """The name of the column in each role."""
        pair = {"text_pair": self.text_pair} if self.text_pair else {}
        return {"text": self.text, **pair, "label": self.label, **self.columns}


class Evaluation(Columns):
    """The evaluation set and the gate.

    `metric` may get worse by at most `max_drop`, in each group of the `slices` columns by at most
    `max_slice_drop`, and at least the share `min_agreement` of the answers must be the fp32
    reference's.
    """

    slices: tuple[str, ...] = ()
    metric: str | None = None
    """None: the task's first one."""
    max_drop: float = Field(ge=0)
    min_agreement: float | None = Field(default=None, ge=0, le=1)
    max_slice_drop: float | None = Field(default=None, ge=0)
    allow_weak_reference: bool = False
    """Package a version though its reference is near chance, or its labels seem misplaced."""

    @model_validator(mode="after")
    def _columns_and_slices_fit(self) -> Self:
        if self.max_slice_drop is not None and not self.slices:
            raise ValueError("max_slice_drop is for slices, and the recipe names none; add slices: [column] or remove it")
        return self


class Texts(Columns):
    """Texts that need no right answers, where nobody judges the quality.

    The version is compared with its reference on them, besides the repository's own.
    """


class Calibration(Strict):
    """Texts that static int8 takes the ranges of its activations from.

    They are of the training set, never of the evaluation set. `data` is read like an evaluation
    set; `samples` of its texts are used. `minmax` takes the whole range, `percentile` cuts off the
    rest, `entropy` loses the least information.
    """

    data: Path
    text: str = "text"
    text_pair: str | None = None
    samples: int = Field(default=256, ge=1)
    method: Literal["minmax", "entropy", "percentile"] = "minmax"
    percentile: float | None = Field(default=None, gt=50, le=100)

    @model_validator(mode="after")
    def _percentile_belongs_to_its_method(self) -> Self:
        if self.percentile is not None and self.method != "percentile":
            raise ValueError(f"percentile is for method percentile, not {self.method}; remove it")
        return self
