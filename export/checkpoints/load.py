"""Load model and tokenizer of a checkpoint, with its adapter merged.

This is the fp32 reference that everything after it is compared with.
"""

from dataclasses import dataclass
from typing import Any

from headrace_backend.tasks import fit_of, task_of

from export.checkpoints import adapter as adapters
from export.checkpoints import adapter_folder
from export.checkpoints import labels as label_names
from export.checkpoints.lower_case import lower_case
from export.checkpoints.model import load_model
from export.checkpoints.positions import require_max_length
from export.checkpoints.source import ModelSource
from export.checkpoints.tokenizer import gives_token_types, load_tokenizer, pad_id
from export.checkpoints.weights import named, require_finite
from export.errors import RecipeError
from export.recipe import faults
from export.recipe.recipe import Recipe
from export.tasks.loaded import Loaded
from export.tasks.task import Task
from model_repository.manifest import Answering
from model_repository.tasks import TASKS


@dataclass(frozen=True)
class Reference:
    """A PyTorch model in fp32, ready for inference.

    `tokenizer` is its fast tokenizer, `pad_id` what fills up a batch, `answering` says how its
    answers are made.
    """

    model: Any
    tokenizer: Any
    pad_id: int
    answering: Answering

    @property
    def token_types(self) -> bool:
        """Whether the model is given which text of a pair a token is of."""
        return gives_token_types(self.tokenizer)


def load(source: ModelSource, task: Task) -> Reference:
    """Load the checkpoint, merge the adapter, and refuse a model that could not answer as trained.

    Raises:
        RecipeError: labels, head, adapter, tokenizer or max_length do not fit together, or a file
            says what nobody reads.
        ExportError: an adapter whose merge changes nothing.
    """
    recipe, folder, shown = source.recipe, source.checkpoint.folder, source.checkpoint.origin
    adapter = source.adapter.folder if source.adapter else None
    labels: tuple[str, ...] = ()
    if TASKS[task.name].labels != "none":
        labels = label_names.resolve(folder, adapter, recipe.labels, recipe.rename_labels, recipe.ignored_keys)
    model, untrained = load_model(source, task, labels)
    if adapter is not None:
        adapter_folder.require_task(adapter, task, recipe.ignored_keys)
        adapter_folder.obey(adapter, folder, model, recipe.ignored_keys)
        model = adapters.merge(model, adapter, untrained, recipe.ignored_keys)
    elif untrained:
        raise RecipeError(
            f"checkpoint: {shown} does not hold {named(untrained)}, so the model would answer by chance; "
            "choose a fine-tuned checkpoint, or add its adapter"
        )
    model = model.eval()
    require_finite(shown, model)
    tokenizer = _tokenizer(source)
    rows = _tokens_known(model)
    if len(tokenizer) > rows:
        raise RecipeError(
            f"checkpoint: its tokenizer has {len(tokenizer)} tokens, and the model knows {rows}: they do not belong together; "
            + (
                "where tokens were added for the adapter, save it with the embeddings of the new ones (save_embedding_layers=True)"
                if source.adapter
                else "save both from the training that added tokens"
            )
        )
    if (files := task.files(folder)) and files.transformer.get("do_lower_case"):
        lower_case(tokenizer)
    pad = pad_id(tokenizer, model.config, rows)
    require_max_length(model, tokenizer, recipe.max_length, pad)
    loaded = Loaded(model.config, tokenizer, folder, labels, recipe.postprocessing)
    with faults.translated("postprocessing"):
        answering = _answering(recipe, task, loaded)
    _require_cut(tokenizer, answering)
    return Reference(model, tokenizer, pad, answering)


def _answering(recipe: Recipe, task: Task, loaded: Loaded) -> Answering:
    return Answering(
        task=task.name,
        labels=loaded.labels,
        max_length=recipe.max_length,
        windows=recipe.windows,
        postprocessing=task.postprocessing(loaded),
    )


def _tokenizer(source: ModelSource) -> Any:
    """The fast tokenizer: the adapter's own where it brings one, else the checkpoint's."""
    of = source.checkpoint
    recipe = source.recipe
    if source.adapter and adapter_folder.brings_tokenizer(source.adapter.folder, of.folder, recipe.ignored_keys):
        of = source.adapter
    return load_tokenizer(of.folder, of.origin, trust_remote_code=recipe.trust_remote_code, ignored=recipe.ignored_keys)


def _require_cut(tokenizer: Any, answering: Answering) -> None:
    """Require that texts are cut as the tokenizer says: at the end, or at the beginning."""
    settings = answering.model_dump(mode="json")
    if tokenizer.truncation_side == "left" and fit_of(settings, task_of(settings)).stride is not None:
        raise RecipeError(
            "checkpoint: tokenizer_config.json says truncation_side left, and windows go from the beginning of a text to its end; "
            "remove windows from the recipe, or set truncation_side: right"
        )


def _tokens_known(model: Any) -> int:
    return int(model.get_input_embeddings().weight.shape[0])
