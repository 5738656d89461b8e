"""Manifests of versions that are packaged nowhere, for each task of the registry."""

from model_repository.manifest import Manifest, Sizes, Source
from model_repository.tasks import TASKS

LABELS = ("contradiction", "neutral", "entailment")
SETTINGS = {"dimension": 4, "pooling": "mean", "normalize": True, "entailment": 2, "contradiction": 0}
"""A value for each setting that has no default. A task that needs another one is added here."""


def manifest_of(task: str, **postprocessing: object) -> Manifest:
    """Version 1 of a model named `tiny` for this task."""
    row = TASKS[task]
    needed = [name for name, field in row.settings.model_fields.items() if field.is_required()]
    return Manifest(
        model="tiny",
        version=1,
        task=task,
        labels=() if row.labels == "none" else LABELS,
        max_length=16,
        postprocessing={name: SETTINGS[name] for name in needed} | postprocessing,
        precision="fp32",
        target="cpu",
        digest="sha256:" + "1" * 64,
        source=Source(checkpoint="tiny", checkpoint_digest="sha256:" + "2" * 64),
        sizes=Sizes(fp32_bytes=1, packaged_bytes=1),
        tools={},
    )
