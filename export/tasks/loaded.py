"""What a task knows of a checkpoint when it decides how its answers are made."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Loaded:
    """A checkpoint that is loaded.

    `config` is the model's transformers configuration, `tokenizer` its fast tokenizer, `folder` the
    checkpoint's. `labels` are empty for tasks without. `wished` is what the recipe says of
    `postprocessing`; it wins over what the checkpoint says.
    """

    config: Any
    tokenizer: Any
    folder: Path
    labels: tuple[str, ...]
    wished: Mapping[str, Any]
