"""The libraries that answer the reference, with a checkpoint's own files."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
import transformers

from export.checkpoints.load import Reference
from export.checkpoints.source import ModelSource
from export.errors import RecipeError, first_line
from export.recipe.recipe import Recipe
from export.tasks.sentence_transformer import SentenceTransformer, read
from model_repository.manifest import Answering

_ON_CPU = "cpu"
_ACTIVATIONS = {"identity": torch.nn.Identity, "sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh}


@dataclass(frozen=True)
class CheckpointLibraries:
    """transformers and sentence-transformers with the model of a recipe.

    transformers' pipelines get the model that was loaded, merged with its adapter. For
    sentence-transformers, which reads the files itself, it takes the place of its own only where
    there is an adapter. A model is read from its files once for all copies of the libraries.
    """

    source: ModelSource
    reference: Reference
    _read: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def copy(self) -> "CheckpointLibraries":
        """The same libraries with the same weights, to be used beside these by another thread."""
        return replace(self, reference=replace(self.reference, model=sharing_weights(self.reference.model)))

    @property
    def recipe(self) -> Recipe:
        """What is asked of the model."""
        return self.source.recipe

    @property
    def answering(self) -> Answering:
        """How answers are made."""
        return self.reference.answering

    def pipeline(self, task: str, **arguments: Any) -> Any:
        """transformers' pipeline of a task."""
        return transformers.pipeline(task, model=self.reference.model, tokenizer=self._tokenizer(), device=_ON_CPU, **arguments)

    def sentence_transformer(self) -> Any:
        """A `SentenceTransformer`, with what the recipe says of `postprocessing`."""
        return self._once("sentence transformer", self._sentence_transformer)

    def cross_encoder(self) -> Any:
        """A `CrossEncoder`."""
        return self._once("cross encoder", self._cross_encoder)

    def _once(self, kind: str, read: Callable[[], Any]) -> Any:
        if kind not in self._read:
            try:
                self._read[kind] = read()
            except Exception as exc:  # a library takes a file's values as they are, and falls over them in many ways
                raise RecipeError(
                    f"checkpoint: sentence-transformers, which answers as the reference, cannot read {self.source.checkpoint.origin} as a "
                    f"{kind}: {first_line(exc)[:300]}"
                ) from exc
        return sharing_weights(self._read[kind])

    def _sentence_transformer(self) -> Any:
        # importing takes seconds, and most tasks do without
        from sentence_transformers import SentenceTransformer as Library

        files = read(self.source.checkpoint.folder)
        model = Library(**self._files()) if files else Library(modules=self._modules(), device=_ON_CPU)
        self._adapt(model)
        self._wish(model, files)
        return model.eval()

    def _cross_encoder(self) -> Any:
        from sentence_transformers import CrossEncoder as Library

        model = Library(**self._files())
        self._adapt(model)
        wished = self.recipe.postprocessing
        if "function" in wished:
            model.activation_fn = _ACTIVATIONS[wished["function"]]()
        _set_prompts(model, wished)
        return model.eval()

    def _files(self) -> dict[str, Any]:
        return {
            "model_name_or_path": str(self.source.checkpoint.folder),
            "device": _ON_CPU,
            "local_files_only": True,
            "trust_remote_code": self.recipe.trust_remote_code,
            "model_kwargs": {"torch_dtype": torch.float32, "use_safetensors": True},
        }

    def _modules(self) -> list[Any]:
        """What the recipe says of a checkpoint without sentence-transformers' files."""
        from sentence_transformers.base.modules import Transformer
        from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

        transformer = Transformer(
            str(self.source.checkpoint.folder),
            model_kwargs={"torch_dtype": torch.float32, "use_safetensors": True, "trust_remote_code": self.recipe.trust_remote_code},
            config_kwargs={"trust_remote_code": self.recipe.trust_remote_code},
            modality_config={"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
            module_output_name="token_embeddings",
        )
        wished = self.recipe.postprocessing
        pooling = Pooling(transformer.get_embedding_dimension(), wished["pooling"].split("+"))
        return [transformer, pooling, *([Normalize()] if wished["normalize"] else [])]

    def _adapt(self, model: Any) -> None:
        """Put in the model with its adapter, and cut texts where the recipe says."""
        if self.source.adapter:
            model[0].model = self.reference.model
            model[0].processor = self._tokenizer()
        model.max_seq_length = self.recipe.max_length

    def _wish(self, model: Any, files: SentenceTransformer | None) -> None:
        from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

        wished = self.recipe.postprocessing
        for at, module in enumerate(model):
            if isinstance(module, Pooling) and "pooling" in wished:
                model[at] = Pooling(module.embedding_dimension, wished["pooling"].split("+"), include_prompt=module.include_prompt)
        if files and wished.get("normalize", files.normalize) != files.normalize:
            if wished["normalize"]:
                model.append(Normalize())
            else:
                for at in reversed(range(len(files.in_graph), len(files.modules))):
                    del model[at]
        if "dimension" in wished:
            model.truncate_dim = wished["dimension"]
        if "include_prompt" in wished:
            model.set_pooling_include_prompt(wished["include_prompt"])
        _set_prompts(model, wished)

    def _tokenizer(self) -> Any:
        tokenizer = copy.deepcopy(self.reference.tokenizer)
        tokenizer.model_max_length = self.recipe.max_length
        return tokenizer


def sharing_weights(model: Any) -> Any:
    """A copy of a model with the same weights; what it keeps while it answers is its own."""
    shared = [*model.parameters(), *model.buffers()]
    # what a module computed of its parameters (weight_norm) cannot be copied; it is computed anew
    shared += [value for module in model.modules() for value in vars(module).values() if torch.is_tensor(value) and not value.is_leaf]
    return copy.deepcopy(model, {id(tensor): tensor for tensor in shared})


def _set_prompts(model: Any, wished: Any) -> None:
    if "prompts" in wished:
        model.prompts = dict(wished["prompts"])
    if "default_prompt_name" in wished:
        model.default_prompt_name = wished["default_prompt_name"]
