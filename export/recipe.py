"""The recipe: what to export, from which checkpoint, to which target, and how much quality it may lose."""

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator, model_validator

from export.errors import RecipeError
from export.precision import DEFAULT, RecipePrecision, packaged_precision
from model_repository.manifest import Precision, Target
from model_repository.postprocessing import Task

InstructionSet = Literal["avx512_vnni", "avx2", "arm64"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Evaluation(_Strict):
    """The evaluation set, the columns that a task reads from it, and the gate.

    `data` is CSV, JSON lines, Parquet or a folder of the datasets library; `columns` names those of further roles (`question: q`).
    `metric` may get worse by at most `max_drop`, in each group of the `slices` columns by at most `max_slice_drop`, and at least
    the share `min_agreement` of the answers must be the fp32 reference's.
    """

    data: Path
    text: str = "text"
    text_pair: str | None = None
    label: str = "label"
    columns: dict[str, str] = Field(default_factory=dict)
    slices: tuple[str, ...] = ()
    metric: str = "accuracy"
    max_drop: float = Field(ge=0)
    min_agreement: float | None = Field(default=None, ge=0, le=1)
    max_slice_drop: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _columns_and_slices_fit(self) -> Self:
        if twice := {"text", "text_pair", "label"} & self.columns.keys():
            raise ValueError(f"columns.{min(twice)}: write it as evaluation.{min(twice)}")
        if self.max_slice_drop is not None and not self.slices:
            raise ValueError("max_slice_drop is for slices, and the recipe names none; add slices: [column] or remove it")
        return self

    @property
    def roles(self) -> dict[str, str]:
        """The name of the column in each role."""
        pair = {"text_pair": self.text_pair} if self.text_pair else {}
        return {"text": self.text, **pair, "label": self.label, **self.columns}


class Recipe(_Strict):
    """One version of one model. Paths are as written: `path` resolves them against the recipe's folder."""

    # names stand in paths, URLs and metric labels
    model: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    version: int = Field(ge=1)
    task: Task
    checkpoint: str = Field(min_length=1)
    checkpoint_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    adapter: Path | None = None
    labels: tuple[str, ...] | None = None
    max_length: int = Field(ge=2)
    target: Target = "cpu"
    precision: RecipePrecision
    optimization: Literal["O1", "O2"] | None = None
    instruction_set: InstructionSet | None = None
    evaluation: Evaluation

    _folder: Path = PrivateAttr(default_factory=Path)

    @model_validator(mode="before")
    @classmethod
    def _default_precision(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and "precision" not in fields and fields.get("target", "cpu") in DEFAULT:
            return {**fields, "precision": DEFAULT[fields.get("target", "cpu")]}
        return fields

    @field_validator("labels")
    @classmethod
    def _labels_are_distinct(cls, labels: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if labels is not None and (len(labels) < 2 or len(set(labels)) < len(labels)):
            raise ValueError("at least two names are needed, each of them once")
        return labels

    @model_validator(mode="after")
    def _precision_fits_target(self) -> Self:
        packaged_precision(self.target, self.precision)
        if self.instruction_set and self.precision != "int8":
            raise ValueError(f"instruction_set is for precision int8, not {self.precision}; remove it")
        return self

    @property
    def packaged_precision(self) -> Precision:
        """The manifest's name of the precision."""
        return packaged_precision(self.target, self.precision)

    def path(self, written: str | Path) -> Path:
        """A path of the recipe, resolved against the recipe's folder."""
        return (self._folder / written).resolve()

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a recipe from YAML.

        Raises:
            RecipeError: no such file, not YAML, or fields that are missing, unknown or out of range: each of them is named.
        """
        try:
            fields = yaml.safe_load(file.read_text(encoding="utf-8"))
        except OSError as exc:
            raise RecipeError(f"{file}: the recipe cannot be read: {exc.strerror}") from exc
        except (yaml.YAMLError, UnicodeDecodeError) as exc:
            raise RecipeError(f"{file}: not YAML: {' '.join(str(exc).split())}") from exc
        if not isinstance(fields, dict):
            raise RecipeError(f"{file}: a recipe is a mapping of fields (model, version, task, checkpoint …)")
        try:
            recipe = cls.model_validate(fields)
        except ValidationError as exc:
            raise RecipeError("; ".join(f"{file}: {_fault(error)}" for error in exc.errors())) from exc
        recipe._folder = file.resolve().parent
        return recipe


def _fault(error: Any) -> str:
    """One sentence for one fault that pydantic found."""
    field, given = ".".join(map(str, error["loc"])), error["input"]
    match error["type"]:
        case "missing":
            return f"the field {field} is missing; add it"
        case "extra_forbidden":
            names = list(Evaluation.model_fields if field.startswith("evaluation.") else Recipe.model_fields)
            close = difflib.get_close_matches(str(error["loc"][-1]), names, n=1)
            return f"the field {field} is unknown; " + (f"is {close[0]} meant?" if close else f"known are {', '.join(names)}")
        case "literal_error":
            return f"{field}: {given!r} is not possible; choose one of {error['ctx']['expected']}"
        case "string_pattern_mismatch" if field == "model":
            return (
                f"model: {given!r} must be 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit: "
                "it stands in paths and URLs"
            )
        case "value_error":
            return f"{field}: {error['ctx']['error']}" if field else str(error["ctx"]["error"])
        case _:
            return f"{field or 'recipe'}: {error['msg'][0].lower()}{error['msg'][1:]} (it is {given!r})"
