"""The files that sentence-transformers lays beside a model.

Each module and each setting is one that serving obeys, or is refused by name: what nobody reads
would make other embeddings in silence.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from export.errors import RecipeError
from export.tasks import module_settings
from export.tasks.module_settings import POOLED, SCORES, TOKENS, WEIGHTED, Settings
from model_repository.postprocessing import Similarity

MODULES = "modules.json"
CONFIG = "config_sentence_transformers.json"
TRANSFORMER_CONFIGS = tuple(
    f"sentence_{name}_config.json" for name in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
"""Names that the Transformer's settings had; the first file that says anything counts."""
_PREFIX = "sentence_transformers."
_WITHOUT_CONFIG = ("Transformer", "Normalize")
_WITHOUT_EFFECT = ("Dropout", "Normalize")
"""At the end of the modules: dropout does nothing at inference, and the backend normalizes."""

ModelType = Literal["SentenceTransformer", "CrossEncoder"]


@dataclass(frozen=True)
class Module:
    """A module: the name of its class, its folder beside the model, and its settings."""

    kind: str
    path: str
    settings: Settings


@dataclass(frozen=True)
class SentenceTransformer:
    """What the files say: the modules in their order, and the settings of the whole."""

    folder: Path
    modules: tuple[Module, ...]
    config: Settings

    @property
    def model_type(self) -> str:
        """Which of the library's classes saved it."""
        return str(self.config.get("model_type") or "SentenceTransformer")

    @property
    def transformer(self) -> Settings:
        """The settings of the Transformer."""
        return self.modules[0].settings

    @property
    def pooling(self) -> str | None:
        """How tokens are pooled, as manifests have it; None: nothing pools them."""
        found = [module.settings for module in self.modules if module.kind == "Pooling"]
        return "+".join(module_settings.pooling_modes(found[0])) if found else None

    @property
    def include_prompt(self) -> bool:
        """Whether the tokens of a prompt are pooled, too."""
        return all(module.settings.get("include_prompt", True) for module in self.modules if module.kind == "Pooling")

    @property
    def normalize(self) -> bool:
        """Whether embeddings are brought to length 1 at the end."""
        return any(module.kind == "Normalize" for module in self.modules[len(self.in_graph) :])

    @property
    def in_graph(self) -> tuple[Module, ...]:
        """The modules up to the last one that the graph must hold."""
        last = max((at for at, module in enumerate(self.modules) if module.kind not in _WITHOUT_EFFECT), default=0)
        return self.modules[: last + 1]

    @property
    def has_head(self) -> bool:
        """Whether modules make what transformers' own head does not."""
        return self.model_type == "CrossEncoder" and len(self.modules) > 1

    @property
    def prompts(self) -> dict[str, str]:
        """Prompts by name; none where all of them are empty."""
        prompts = self.config.get("prompts") or {}
        return dict(prompts) if any(prompts.values()) else {}

    @property
    def default_prompt_name(self) -> str | None:
        """The prompt of texts for which none is named."""
        name: str | None = self.config.get("default_prompt_name") if self.prompts else None
        return name

    @property
    def prompt_settings(self) -> dict[str, Any]:
        """What a manifest says of prompts."""
        return {"prompts": self.prompts, "default_prompt_name": self.default_prompt_name, "include_prompt": self.include_prompt}

    @property
    def similarity(self) -> Similarity:
        """How alike two embeddings are."""
        similarity: Similarity = self.config.get("similarity_fn_name") or "cosine"
        return similarity

    def dimension(self, hidden: int, pooling: str | None = None) -> int:
        """Numbers of an embedding before it is cut, of a transformer with `hidden` numbers a token.

        Raises:
            RecipeError: nothing makes embeddings, or a module takes another number than it gets.
        """
        return self._width(POOLED, hidden, pooling)

    def outputs(self, hidden: int) -> int:
        """Scores of a pair that the modules make.

        Raises:
            RecipeError: nothing makes scores, or a module takes another number than it gets.
        """
        return self._width(SCORES, hidden, None)

    def _width(self, name: str, hidden: int, pooling: str | None) -> int:
        widths = {TOKENS: hidden}
        for module in self.modules:
            path = self.folder / module.path
            if module.kind == "Pooling":
                widths[POOLED] = widths[TOKENS] * len((pooling or self.pooling or "").split("+"))
            elif module.kind == "Dense":
                source = module.settings.get("module_input_name") or POOLED
                if module.settings["in_features"] != widths.get(source):
                    raise RecipeError(f"checkpoint: {path} takes {module.settings['in_features']} numbers and gets {widths.get(source)}")
                widths[module.settings.get("module_output_name") or source] = module.settings["out_features"]
            elif module.kind == "LayerNorm" and module.settings["dimension"] != widths.get(POOLED):
                raise RecipeError(f"checkpoint: {path} takes {module.settings['dimension']} numbers and gets {widths.get(POOLED)}")
        if name not in widths:
            raise RecipeError(f"checkpoint: no module of {self.folder / MODULES} makes what is called {name}")
        return widths[name]


@dataclass(frozen=True)
class TailPlan:
    """What the graph holds after the transformer: the modules of `files`, or one that pools.

    `pooling` replaces the way of pooling that the files say; `reads` is what the modules hand on in
    the end, and `output` the graph's name of it. The tokens of a prompt are pooled where
    `include_prompt`.
    """

    files: SentenceTransformer | None
    pooling: str | None
    reads: str
    output: str
    include_prompt: bool


def read(folder: Path) -> SentenceTransformer | None:
    """What the files in a folder say; None where there is no `modules.json`.

    Raises:
        RecipeError: a module or a setting that serving does not obey.
    """
    if not (folder / MODULES).is_file():
        return None
    modules = tuple(_modules(folder))
    kinds = [module.kind for module in modules]
    if kinds[0] != "Transformer" or "Transformer" in kinds[1:]:
        raise RecipeError(
            f"checkpoint: {folder / MODULES} has the modules {', '.join(kinds)}; exactly one Transformer is needed, the first"
        )
    if kinds.count("Pooling") > 1:
        raise RecipeError(f"checkpoint: {folder / MODULES} has {kinds.count('Pooling')} modules Pooling; one at most can be exported")
    config = _json(folder / CONFIG) if (folder / CONFIG).is_file() else {}
    module_settings.require_config(folder / CONFIG, config)
    return SentenceTransformer(folder, modules, config)


def require_no_rest(folder: Path) -> None:
    """Require that no files of sentence-transformers lie in a folder without `modules.json`.

    The library itself would pool by mean then, whatever they say.

    Raises:
        RecipeError: the message names the first of them.
    """
    patterns = (CONFIG, *TRANSFORMER_CONFIGS, "[0-9]*_*/config.json")
    if found := sorted(path for pattern in patterns for path in folder.glob(pattern)):
        raise RecipeError(
            f"checkpoint: {found[0]} says how sentence-transformers uses the model, and {folder / MODULES}, the list of its modules, "
            "is missing: fetch the whole folder again; if the model was never one of sentence-transformers, remove that file"
        )


def require_type(files: SentenceTransformer, wanted: ModelType, task: str) -> None:
    """The files are of a model for this task.

    Raises:
        RecipeError: sentence-transformers saved it as something else.
    """
    if files.model_type != wanted:
        remedy = {"SentenceTransformer": "feature-extraction", "CrossEncoder": "text-ranking"}.get(files.model_type)
        raise RecipeError(
            f"task: {files.folder / CONFIG} says model_type {files.model_type}, which is not for {task}; "
            + (f"write task: {remedy}" if remedy else "choose a checkpoint that was saved as a " + wanted)
        )


def _modules(folder: Path) -> Iterator[Module]:
    listed = _json(folder / MODULES)
    if not isinstance(listed, list) or not listed or not all(isinstance(entry, dict) for entry in listed):
        raise RecipeError(f"checkpoint: {folder / MODULES} is no list of modules")
    for entry in listed:
        module_settings.require_entry(folder / MODULES, entry)
        kind, path = _kind(folder / MODULES, entry["type"]), entry["path"]
        settings = _settings(folder, kind, path)
        if kind in WEIGHTED:
            _require_weights(folder, kind, path)
        yield Module(kind, path, settings)


def _kind(file: Path, name: str) -> str:
    kind = name.rpartition(".")[2]
    if not name.startswith(_PREFIX):
        raise RecipeError(
            f"checkpoint: {file} has the module {name}, a class of the checkpoint's own, which serving does not run: its embeddings would "
            f"be others; where it does nothing else than sentence-transformers' {kind}, save the model with that class"
        )
    if kind not in module_settings.KINDS:
        raise RecipeError(
            f"checkpoint: {file} has the module {name}, which serving does not have; it has {', '.join(module_settings.KINDS)}: "
            "choose a checkpoint that is made of these"
        )
    return kind


def _settings(folder: Path, kind: str, path: str) -> Settings:
    if kind == "Transformer":
        places: Sequence[Path] = [folder / path / name for name in TRANSFORMER_CONFIGS]
    else:
        places = [folder / path / "config.json"]
    for file in places:
        if file.is_file() and (settings := _json(file)):
            module_settings.require_known(kind, file, settings)
            return dict(settings)
    if kind not in _WITHOUT_CONFIG:
        raise RecipeError(f"checkpoint: {places[0]} is missing: it holds the settings of the module {kind}")
    return {}


def _require_weights(folder: Path, kind: str, path: str) -> None:
    if not (folder / path / "model.safetensors").is_file():
        raise RecipeError(
            f"checkpoint: {folder / path} holds no model.safetensors with the weights of the module {kind}; "
            f"save the model anew with sentence-transformers 3 or later, which writes it"
        )


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise RecipeError(f"checkpoint: {path} cannot be read: {exc}") from exc
