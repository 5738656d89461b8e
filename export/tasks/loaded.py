"""What a task is told of a checkpoint when it decides how its answers are made."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Loaded:
    """A model's transformers configuration, its fast tokenizer, the checkpoint's folder, the names of the labels (empty for
    tasks without), and what the recipe says of `postprocessing`: it wins over what the checkpoint says."""

    config: Any
    tokenizer: Any
    folder: Path
    labels: tuple[str, ...]
    wished: Mapping[str, Any]
