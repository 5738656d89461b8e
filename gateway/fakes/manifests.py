"""Manifests of versions that nobody exported."""

import hashlib
from collections.abc import Mapping
from typing import Any

from model_repository.manifest import Manifest, Sizes, Source
from model_repository.postprocessing import FeatureExtraction, Task, ZeroShotClassification

_TASK_FIELDS: Mapping[Task, Mapping[str, Any]] = {
    "text-classification": {"labels": ("negative", "positive")},
    "token-classification": {"labels": ("O", "B-NAME", "I-NAME"), "postprocessing": {}},
    "feature-extraction": {"postprocessing": FeatureExtraction(dimension=8, pooling="mean", normalize=True)},
    "text-ranking": {"postprocessing": {}},
    "question-answering": {"postprocessing": {}},
    "zero-shot-classification": {"postprocessing": ZeroShotClassification(contradiction=0, entailment=2)},
}
"""The fields without which a manifest of the task is not valid."""


def make_manifest(model: str, version: int = 1, task: Task = "text-classification", **fields: Any) -> Manifest:
    """A manifest for `FakeTriton`. `fields` are the manifest's own and replace what is made here.

    The digest is made of model, version and task: give another one to a version that stands for a
    re-export, else the cache takes its answers for those of the version before.

    Raises:
        pydantic.ValidationError: the fields do not fit together.
    """
    digest = hashlib.sha256(f"{model}/{version}/{task}".encode()).hexdigest()
    made: dict[str, Any] = {
        "max_length": 128,
        "precision": "fp32",
        "target": "cpu",
        "digest": f"sha256:{digest}",
        "source": Source(checkpoint=model, checkpoint_digest=f"sha256:{digest}"),
        "sizes": Sizes(fp32_bytes=1, packaged_bytes=1),
        "tools": {},
        **_TASK_FIELDS[task],
    }
    return Manifest(model=model, version=version, task=task, **(made | fields))
