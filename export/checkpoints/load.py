"""Load model and tokenizer of a checkpoint, with its adapter merged.

This is the fp32 reference that everything after it is compared with.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
import transformers

from export.checkpoints import adapter as adapters
from export.checkpoints import labels as label_names
from export.checkpoints.checkpoint import Weights, tensor_shapes
from export.errors import RecipeError, first_line
from export.recipe import faults
from export.recipe.recipe import Recipe
from export.tasks.loaded import Loaded
from export.tasks.task import Task
from model_repository.manifest import Answering
from model_repository.tasks import TASKS

_TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")


class ModelSource(Protocol):
    """What a model is loaded from: a recipe, and the checkpoint and adapter that it names."""

    @property
    def recipe(self) -> Recipe:
        """What is asked of the model: labels, length, post-processing, whether its code may run."""

    @property
    def checkpoint(self) -> Weights:
        """The checkpoint's folder."""

    @property
    def adapter(self) -> Weights | None:
        """The adapter's folder; None: the checkpoint is used as it is."""


@dataclass(frozen=True)
class Reference:
    """A PyTorch model in fp32, ready for inference.

    `tokenizer` is its fast tokenizer, `answering` says how its answers are made.
    """

    model: Any
    tokenizer: Any
    answering: Answering


def load(source: ModelSource, task: Task) -> Reference:
    """Load the checkpoint, merge the adapter, and refuse a model that could not answer as trained.

    Raises:
        RecipeError: labels, head, adapter, tokenizer or max_length do not fit together.
        ExportError: an adapter whose merge changes nothing.
    """
    folder = source.checkpoint.folder
    adapter = source.adapter.folder if source.adapter else None
    labels = (
        label_names.resolve(folder, adapter, source.recipe.labels, source.recipe.rename_labels) if TASKS[task.name].labels != "none" else ()
    )
    model, untrained = _load_model(source, task, labels)
    if adapter is not None:
        model = adapters.merge(model, adapter, untrained)
    elif untrained:
        raise RecipeError(
            f"checkpoint: {folder} does not hold {', '.join(untrained)}, so the model would answer by chance; "
            "choose a fine-tuned checkpoint, or add its adapter"
        )
    model = model.eval()
    tokenizer = _load_tokenizer(source)
    if len(tokenizer) > (rows := model.get_input_embeddings().num_embeddings):
        raise RecipeError(f"checkpoint: its tokenizer has {len(tokenizer)} tokens, and the model knows {rows}: they do not belong together")
    _require_max_length(model, source.recipe.max_length)
    loaded = Loaded(model.config, tokenizer, folder, labels, source.recipe.postprocessing)
    with faults.translated("postprocessing"):
        answering = _answering(source.recipe, task, loaded)
    return Reference(model, tokenizer, answering)


def _answering(recipe: Recipe, task: Task, loaded: Loaded) -> Answering:
    return Answering(
        task=task.name,
        labels=loaded.labels,
        max_length=recipe.max_length,
        windows=recipe.windows,
        postprocessing=task.postprocessing(loaded),
    )


def _load_model(source: ModelSource, task: Task, labels: tuple[str, ...]) -> tuple[Any, list[str]]:
    """The model of the checkpoint alone, and the names of tensors that the checkpoint lacks."""
    # transformers warns of missing weights; here they are checked, with errors
    transformers.logging.set_verbosity_error()
    folder = source.checkpoint.folder
    names = {"num_labels": len(labels), "id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}}
    try:
        model, info = getattr(transformers, task.auto_model).from_pretrained(
            folder,
            **(names if labels else {}),
            trust_remote_code=source.recipe.trust_remote_code,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as exc:
        if "trust_remote_code" in str(exc):
            raise RecipeError(
                f"checkpoint: {folder} brings program code of its own, which could do anything; read it, and if it may run here, "
                "add trust_remote_code: true"
            ) from exc
        raise RecipeError(f"checkpoint: {folder} cannot be loaded for {task.name}: {first_line(exc)}") from exc
    mismatched = set(info["mismatched_keys"])
    if source.adapter:
        mismatched -= set(adapters.replaced_tensors(source.adapter.folder))
    if mismatched and labels:
        name = max(mismatched)
        found, needed = tensor_shapes(folder)[name], model.state_dict()[name].shape
        raise RecipeError(
            f"labels: the checkpoint's {name} has shape {list(found)}, and {len(labels)} labels ({', '.join(labels)}) "
            f"need {list(needed)}; name as many labels as the head has outputs"
        )
    untrained = {*info["missing_keys"], *info["mismatched_keys"]}
    if not labels:
        # an encoder's pooler is of its pre-training; an embedding is made of the tokens
        untrained = {name for name in untrained if not name.startswith("pooler.")}
    return model, sorted(untrained)


def _load_tokenizer(source: ModelSource) -> Any:
    """The fast tokenizer: the adapter's own where it brings one, else the checkpoint's."""
    folder = source.checkpoint.folder
    if source.adapter and (source.adapter.folder / "tokenizer.json").is_file():
        folder = source.adapter.folder
    # without files transformers would make an empty tokenizer
    if not any(path for pattern in _TOKENIZER_FILES for path in folder.glob(pattern)):
        raise RecipeError(f"checkpoint: {folder} holds no tokenizer ({', '.join(_TOKENIZER_FILES)})")
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            folder, use_fast=True, local_files_only=True, trust_remote_code=source.recipe.trust_remote_code
        )
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise RecipeError(f"checkpoint: {folder} holds a tokenizer that cannot be read: {first_line(exc)}") from exc
    if not tokenizer.is_fast:
        raise RecipeError(f"checkpoint: the tokenizer of {folder} has no fast form (tokenizer.json), which serving needs")
    return tokenizer


def _require_max_length(model: Any, max_length: int) -> None:
    """Run one text of `max_length` tokens.

    Architectures differ in where their position tables end, so only a run can tell.
    """
    ids = torch.full((1, max_length), model.config.vocab_size - 1)
    try:
        with torch.inference_mode():
            model(input_ids=ids, attention_mask=torch.ones_like(ids))
    except (IndexError, RuntimeError) as exc:
        positions = getattr(model.config, "max_position_embeddings", "fewer")
        raise RecipeError(f"max_length: the checkpoint cannot take {max_length} tokens: it has {positions} positions") from exc
