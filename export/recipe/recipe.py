"""The recipe: what to export, from what, for which target, and how much quality it may lose."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PrivateAttr, ValidationError, field_validator, model_validator

from export.errors import RecipeError
from export.recipe.faults import Fields, sentences
from export.recipe.precision import DEFAULT, RecipePrecision, packaged_precision, require_optimization_fits
from export.recipe.sets import Calibration, Evaluation, Strict, Texts
from export.recipe.yaml_text import parse
from model_repository.measured import Optimization, Precision, Target
from model_repository.postprocessing import Windows
from model_repository.tasks import TASKS, TaskName

NO_EVALUATION = "none"
HOW_TO_EVALUATE = "write evaluation: {data: held-out.csv, max_drop: 0.01}, or evaluation: none if nobody is to judge the version's quality"
InstructionSet = Literal["avx512_vnni", "avx2", "arm64"]


class Recipe(Strict):
    """One version of one model.

    Paths are as written: `path` resolves them against the recipe's folder.
    """

    # names are parts of paths, URLs and metric labels
    model: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    version: int = Field(ge=1)
    task: TaskName
    checkpoint: str = Field(min_length=1)
    checkpoint_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    adapter: Path | None = None
    trust_remote_code: bool = False
    ignored_keys: tuple[str, ...] = ()
    """Keys of the checkpoint's and adapter's files that nobody reads and that change no answer."""
    labels: tuple[str, ...] | None = None
    """Names for a head that has none, in the order of its outputs."""
    rename_labels: dict[str, str] = Field(default_factory=dict)
    """Other names for labels that the checkpoint or adapter names: {its name: the new one}."""
    max_length: int = Field(ge=2)
    windows: Windows | None = None
    """None: a text of more than `max_length` tokens is cut."""
    postprocessing: dict[str, Any] = Field(default_factory=dict)
    """How answers are made where the checkpoint does not say or says otherwise.

    These are fields of the task's settings.
    """
    target: Target = "cpu"
    precision: Literal["int8", "fp16", "fp32", "auto"]
    optimization: Optimization | None = None
    instruction_set: Literal["avx512_vnni", "avx2", "arm64", "auto"] | None = None
    calibration: Calibration | None = None
    sensitivity: bool | None = None
    """Search for layers to keep in fp32: always, never, or (None) where full int8 does not pass."""
    allow_slower: bool = False
    evaluation: Evaluation | None
    """None, written `none`: nobody judges the quality."""
    texts: Texts | None = None

    _folder: Path = PrivateAttr(default_factory=Path)

    @model_validator(mode="before")
    @classmethod
    def _default_precision(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and "precision" not in fields and fields.get("target", "cpu") in DEFAULT:
            return {**fields, "precision": DEFAULT[fields.get("target", "cpu")]}
        return fields

    @field_validator("evaluation", mode="before")
    @classmethod
    def _none_is_said(cls, evaluation: Any) -> Any:
        if evaluation is None:
            raise ValueError(f"it is empty; {HOW_TO_EVALUATE}")
        return None if evaluation == NO_EVALUATION else evaluation

    @model_validator(mode="after")
    def _evaluation_fits(self) -> Self:
        if self.evaluation is None and self.sensitivity:
            raise ValueError("sensitivity: true needs an evaluation set, which says what int8 costs; give one, or remove the field")
        if self.evaluation is not None and self.texts:
            raise ValueError(f"texts is for recipes with evaluation: {NO_EVALUATION}; this one has an evaluation set: remove the field")
        return self

    @field_validator("labels", mode="before")
    @classmethod
    def _numbers_are_names(cls, labels: Any) -> Any:
        if not isinstance(labels, list | tuple):
            return labels
        if unquoted := [label for label in labels if isinstance(label, bool | float)]:
            written = f"{unquoted[0]}".lower()
            raise ValueError(f"YAML reads {written} as {_kind(unquoted[0])}; if it is the name of a label, quote it: '{written}'")
        return [str(label) if isinstance(label, int) else label for label in labels]

    @field_validator("rename_labels", mode="before")
    @classmethod
    def _numbers_are_names_too(cls, renamed: Any) -> Any:
        if not isinstance(renamed, dict):
            return renamed
        return {
            name if isinstance(name, str) else f"{name}".lower(): new if isinstance(new, str) else f"{new}".lower()
            for name, new in renamed.items()
        }

    @field_validator("labels")
    @classmethod
    def _labels_are_distinct(cls, labels: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if labels is not None and (not labels or len(set(labels)) < len(labels)):
            raise ValueError("names are needed, each of them once")
        return labels

    @model_validator(mode="after")
    def _labels_are_named_or_renamed(self) -> Self:
        if self.labels is not None and self.rename_labels:
            raise ValueError("labels names all labels, and rename_labels gives the checkpoint's other names; remove one of them")
        return self

    @model_validator(mode="after")
    def _postprocessing_is_the_tasks(self) -> Self:
        known = TASKS[self.task].settings.model_fields
        if unknown := sorted(set(self.postprocessing) - set(known)):
            raise ValueError(f"postprocessing.{unknown[0]} is unknown for {self.task}; known are {', '.join(known)}")
        return self

    @model_validator(mode="after")
    def _precision_fits_target(self) -> Self:
        if self.precision == "auto":
            if self.optimization:
                raise ValueError("precision auto tries the optimization levels itself; remove the field optimization")
        else:
            packaged_precision(self.target, self.precision, calibrated=self.calibration is not None)
            require_optimization_fits(self.target, self.precision, self.optimization)
        if self.instruction_set and (self.target != "cpu" or self.precision not in ("int8", "auto")):
            raise ValueError(f"instruction_set is for precision int8 on a CPU, not {self.precision} for {self.target}; remove it")
        if self.sensitivity is not None and self.precision != "int8":
            raise ValueError(f"sensitivity is for precision int8, not {self.precision}; remove it")
        if self.calibration and (self.target, self.precision) != ("gpu", "int8"):
            raise ValueError(f"calibration is for precision int8 on target gpu, not {self.precision} on {self.target}; remove it")
        return self

    @property
    def packaged_precision(self) -> Precision:
        """The manifest's name of the precision.

        Raises:
            ValueError: it is `auto`, and nothing is chosen yet.
        """
        if self.precision == "auto":
            raise ValueError("precision auto is no precision before a candidate is chosen")
        return packaged_precision(self.target, self.precision, calibrated=self.calibration is not None)

    def with_choice(self, precision: RecipePrecision, optimization: Optimization | None) -> Self:
        """The recipe with what was chosen in the place of `auto`."""
        return self.model_copy(update={"precision": precision, "optimization": optimization})

    def path(self, written: str | Path) -> Path:
        """A path of the recipe, resolved against the recipe's folder."""
        return (self._folder / written).resolve()

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a recipe of one version from YAML.

        Raises:
            RecipeError: no such file, not YAML, fields that are missing, unknown or out of range
                (each of them is named), or several versions.
        """
        recipes = cls.read_all(file)
        if len(recipes) > 1:
            raise RecipeError(f"{file}: the recipe is of {len(recipes)} versions, and one is wanted")
        return recipes[0]

    @classmethod
    def read_all(cls, file: Path, *, evaluate: bool = True) -> list[Self]:
        """Read a recipe from YAML: of one version, or of several on one checkpoint.

        Several have `adapters: {version: adapter, …}`. Without `evaluate` it is as if the recipe
        said `evaluation: none`.

        Raises:
            RecipeError: no such file, not YAML, or fields that are missing, unknown or out of
                range: each of them is named.
        """
        try:
            fields = parse(file.read_text(encoding="utf-8"))
        except OSError as exc:
            raise RecipeError(f"{file}: the recipe cannot be read: {exc.strerror}") from exc
        except UnicodeDecodeError as exc:
            raise RecipeError(f"{file}: the recipe is not UTF-8: {exc}") from exc
        except ValueError as exc:
            raise RecipeError(f"{file}: {exc}") from exc
        if not isinstance(fields, dict):
            raise RecipeError(f"{file}: a recipe is a mapping of fields (model, version, task, checkpoint …)")
        if not evaluate:
            fields["evaluation"] = NO_EVALUATION
        try:
            recipes = [cls.model_validate(one) for one in _versions(fields)]
        except ValidationError as exc:
            raise RecipeError("; ".join(f"{file}: {sentence}" for sentence in sentences(exc, _FIELDS))) from exc
        except ValueError as exc:
            raise RecipeError(f"{file}: {exc}") from exc
        for recipe in recipes:
            recipe._folder = file.resolve().parent
        return recipes


def _name(value: object) -> str:
    """A label's name; a number or a truth value as JSON writes it."""
    return value if isinstance(value, str) else f"{value}".lower()


def _kind(value: object) -> str:
    return "a truth value" if isinstance(value, bool) else "a number"


def _versions(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """The fields of each version: with `adapters`, of one for each."""
    if "adapters" not in fields:
        return [fields]
    adapters = fields["adapters"]
    if both := {"version", "adapter"} & fields.keys():
        raise ValueError(f"adapters says version and adapter of each already; remove the field {min(both)}")
    if not isinstance(adapters, dict) or not adapters:
        raise ValueError("adapters: write {version: adapter, …}, such as {1: adapters/first, 2: adapters/second}")
    common = {name: value for name, value in fields.items() if name != "adapters"}
    return [{**common, "version": version, "adapter": adapter} for version, adapter in adapters.items()]


_FIELDS = Fields(
    root=Recipe,
    parts={"evaluation": Evaluation, "calibration": Calibration, "texts": Texts},
    missing={"evaluation": HOW_TO_EVALUATE},
    patterns={
        "model": "must be 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit: it stands in paths and URLs",
    },
)
