"""What an adapter's folder says beside its weights: obeyed, or refused by file and key.

Trainers save the whole model's files there: its configuration, its tokenizer, and the modules of
sentence-transformers.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from export.checkpoints.checkpoint import ADAPTER_CONFIG
from export.checkpoints.config_keys import is_harmless, says_nothing
from export.checkpoints.json_file import read_object
from export.errors import RecipeError
from export.tasks.task import Task

VOCABULARIES: Final = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")
_TOKENIZER_SETTINGS: Final = "tokenizer_config.json"
_SENTENCE_TRANSFORMERS: Final = ("modules.json", "config_sentence_transformers.json", "sentence_*_config.json")
_HEADS: Final = {
    "SEQ_CLS": "SequenceClassification",
    "TOKEN_CLS": "TokenClassification",
    "QUESTION_ANS": "QuestionAnswering",
    "FEATURE_EXTRACTION": "",
}
"""The head of a model class by PEFT's `task_type`."""
_OF_THE_HEAD: Final = frozenset({"architectures", "id2label", "label2id", "num_labels", "problem_type", "vocab_size"})
"""Keys that are read, or that come with what the adapter brings: labels, tokens."""


def require_task(adapter: Path, task: Task, ignored: Collection[str]) -> None:
    """Require that the adapter was trained for the task's head.

    Raises:
        RecipeError: `task_type` says another one.
    """
    kind = read_object(adapter / ADAPTER_CONFIG, "adapter").get("task_type")
    if kind is None or "task_type" in ignored or _HEADS.get(str(kind)) == task.auto_model.partition("For")[2]:
        return
    raise RecipeError(
        f"task: {adapter / ADAPTER_CONFIG} says task_type: {kind}, and {task.name} has another head; choose the task that the adapter was "
        "trained for, or where it was trained for this one all the same, add ignored_keys: [task_type]"
    )


def obey(adapter: Path, checkpoint: Path, model: Any, ignored: Collection[str]) -> None:
    """Take the adapter's kind of problem over into the model, and refuse what would be passed over.

    Raises:
        RecipeError: a file or a key that says something else than the checkpoint's.
    """
    _require_no_modules(adapter, checkpoint, ignored)
    if not (adapter / "config.json").is_file():
        return
    settings = read_object(adapter / "config.json", "adapter")
    if settings.get("problem_type") is not None:
        model.config.problem_type = settings["problem_type"]
    own = model.config.to_dict()
    other = {
        name: value
        for name, value in settings.items()
        if name not in _OF_THE_HEAD
        and name not in ignored
        and value != own.get(name)
        and not says_nothing(value)
        and not is_harmless(name, value, settings)
    }
    if other:
        raise RecipeError(
            f"adapter: {adapter / 'config.json'} says {', '.join(f'{name}: {value}'[:80] for name, value in other.items())}, and the "
            f"checkpoint says otherwise; choose the checkpoint that the adapter was trained on, or where the difference changes no answer, "
            f"add ignored_keys: [{', '.join(other)}]"
        )


def brings_tokenizer(adapter: Path, checkpoint: Path, ignored: Collection[str]) -> bool:
    """Whether the adapter's folder holds a tokenizer of its own.

    Raises:
        RecipeError: it holds other settings of a tokenizer, and no vocabulary.
    """
    if any(True for pattern in VOCABULARIES for _ in adapter.glob(pattern)):
        return True
    if _TOKENIZER_SETTINGS not in ignored and _says_otherwise(adapter / _TOKENIZER_SETTINGS, checkpoint / _TOKENIZER_SETTINGS):
        raise RecipeError(
            f"adapter: {adapter / _TOKENIZER_SETTINGS} says otherwise than the checkpoint's, and there is no vocabulary beside it; "
            f"save the whole tokenizer there, or where the difference changes no answer, add ignored_keys: [{_TOKENIZER_SETTINGS}]"
        )
    return False


def _require_no_modules(adapter: Path, checkpoint: Path, ignored: Collection[str]) -> None:
    files = sorted(path for pattern in _SENTENCE_TRANSFORMERS for path in adapter.glob(pattern))
    for file in files:
        same = (checkpoint / file.name).is_file() and file.read_bytes() == (checkpoint / file.name).read_bytes()
        if not same and file.name not in ignored:
            raise RecipeError(
                f"adapter: {file} says how sentence-transformers uses the model, and the checkpoint does not say the same; merge the "
                "adapter where it was trained (model.merge_and_unload()), save the whole model with sentence-transformers and export that "
                f"folder, or where the file changes no answer, add ignored_keys: [{file.name}]"
            )


def _says_otherwise(file: Path, other: Path) -> bool:
    if not file.is_file():
        return False
    return not other.is_file() or read_object(file, "adapter") != read_object(other)
