"""The model of a checkpoint alone, read by transformers, and what of its files nobody read."""

from pathlib import Path
from typing import Any, NoReturn

import torch
import transformers

from export import commands
from export.checkpoints import adapter as adapters
from export.checkpoints import config_keys
from export.checkpoints.json_file import read_object
from export.checkpoints.source import ModelSource
from export.checkpoints.weights import WRAPPERS, named, require_all_read, tensor_shapes, wrapper_of
from export.errors import RecipeError, first_line
from export.tasks import TASKS
from export.tasks.task import Task


def load_model(source: ModelSource, task: Task, labels: tuple[str, ...]) -> tuple[Any, list[str]]:
    """The model of the checkpoint, and the names of tensors that the checkpoint lacks.

    Raises:
        RecipeError: it cannot be read, has another head than the labels need, or says or holds
            what nobody reads.
    """
    folder, shown, recipe = source.checkpoint.folder, source.checkpoint.origin, source.recipe
    fields = read_object(folder / "config.json")
    _require_plain(fields, shown, trusted=recipe.trust_remote_code or "auto_map" in recipe.ignored_keys)
    _require_unwrapped(shown)
    model, info = _read(source, task, labels)
    config_keys.require_all_read(fields, model, recipe.ignored_keys)
    require_all_read(shown, model, info["unexpected_keys"])
    mismatched = set(info["mismatched_keys"])
    if source.adapter:
        mismatched -= set(adapters.replaced_tensors(source.adapter.folder))
    if mismatched:
        _refuse_shape(max(mismatched), folder, model, labels)
    untrained = {*info["missing_keys"], *info["mismatched_keys"]}
    if not labels:
        # an encoder's pooler is of its pre-training; an embedding is made of the tokens
        untrained = {name for name in untrained if not name.startswith("pooler.")}
    if not untrained and not source.adapter and "architectures" not in recipe.ignored_keys:
        _require_head(fields.get("architectures"), task, shown)
    return model, sorted(untrained)


def _read(source: ModelSource, task: Task, labels: tuple[str, ...]) -> tuple[Any, dict[str, Any]]:
    """transformers' model, and what it says of the tensors that it found."""
    # transformers warns of missing weights; here they are checked, with errors
    transformers.logging.set_verbosity_error()
    shown = source.checkpoint.origin
    # what a program returns beside its answer, and in which pieces it computes, changes none
    plain = {"return_dict": True, "torchscript": False, "output_attentions": False, "output_hidden_states": False}
    names = {"num_labels": len(labels), "id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}}
    try:
        model, info = getattr(transformers, task.auto_model).from_pretrained(
            source.checkpoint.folder,
            **(names if labels else {}),
            **plain,
            chunk_size_feed_forward=0,
            trust_remote_code=source.recipe.trust_remote_code,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    # classes take a file's values as they are, and fall over them in many ways
    except Exception as exc:
        if "trust_remote_code" in str(exc):
            raise RecipeError(
                f"checkpoint: {shown} brings program code of its own, which could do anything; read it, and if it may run here, "
                "add trust_remote_code: true"
            ) from exc
        raise RecipeError(f"checkpoint: {shown} cannot be loaded for {task.name}: {first_line(exc)[:300]}") from exc
    return model, info


def _refuse_shape(name: str, folder: Path, model: Any, labels: tuple[str, ...]) -> NoReturn:
    needed = list(model.state_dict()[name].shape)
    # a file of the encoder alone has names without its prefix
    found = next(list(shape) for held, shape in tensor_shapes(folder).items() if f".{name}".endswith(f".{held}"))
    if labels and needed[0] == len(labels):
        raise RecipeError(
            f"labels: the checkpoint's {name} has shape {found}, and {len(labels)} labels ({', '.join(labels)}) "
            f"need {needed}; name as many labels as the head has outputs"
        )
    raise RecipeError(f"checkpoint: its {name} has shape {found}, and by its config.json it has {needed}; fetch both from one place")


def _require_head(architectures: object, task: Task, shown: Path) -> None:
    """The checkpoint was trained with the head of the task, and not with one that has tensors of
    the same names."""
    _, named, wanted = task.auto_model.partition("For")
    said = architectures[0] if isinstance(architectures, list) and architectures else None
    if not named or not isinstance(said, str) or "For" not in said or said.endswith(f"For{wanted}"):
        return
    heads = {name: other.auto_model.partition("For")[2] for name, other in TASKS.items()}
    remedy = next(
        (f"write task: {name}" for name, head in heads.items() if head and said.endswith(f"For{head}")), "choose another checkpoint"
    )
    raise RecipeError(
        f"task: {shown / 'config.json'} says architectures: {said}, and {task.name} needs one that ends in For{wanted}; {remedy}, or "
        "where the head was trained for this task all the same, add ignored_keys: [architectures]"
    )


def _require_plain(fields: dict[str, Any], shown: Path, *, trusted: bool) -> None:
    """Require weights that are not quantized, and no program code that would be passed over."""
    if (quantized := fields.get("quantization_config")) is not None:
        method = quantized.get("quant_method", "unknown") if isinstance(quantized, dict) else quantized
        raise RecipeError(
            f"checkpoint: {shown / 'config.json'} says quantization_config ({method}): its weights are quantized already; export "
            "quantizes itself, so choose the checkpoint that this one was made of, and a precision"
        )
    own = fields.get("auto_map")
    if own and not trusted and str(fields.get("model_type")) in transformers.CONFIG_MAPPING:
        raise RecipeError(
            f"checkpoint: {shown / 'config.json'} says auto_map: it brings program code of its own, which could do anything, and "
            f"transformers' own {fields['model_type']} may answer otherwise; read it, and if it may run here, add "
            "trust_remote_code: true; if transformers' own answers the same, add ignored_keys: [auto_map]"
        )


def _require_unwrapped(folder: Path) -> None:
    names = tensor_shapes(folder)
    if (wrapper := wrapper_of(names)) is not None:
        raise RecipeError(
            f"checkpoint: the names of its tensors begin with {wrapper} ({WRAPPERS[wrapper]} puts it there: {named(list(names)[:1])}); "
            f"write them without it: {commands.unwrap(folder, wrapper)}"
        )
