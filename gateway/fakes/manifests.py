"""Manifests of versions that nobody exported."""

import hashlib
from typing import Any

from model_repository.manifest import Manifest, Source
from model_repository.measured import Sizes
from model_repository.tasks import TASKS, TaskName


def make_manifest(model: str, version: int = 1, task: TaskName = "text-classification", **fields: Any) -> Manifest:
    """A manifest for `FakeTriton`. `fields` are the manifest's own and replace what is made here.

    The digest is made of model, version and task: give another one to a version that stands for a
    re-export, else the cache takes its answers for those of the version before.

    Raises:
        pydantic.ValidationError: the fields do not fit together.
    """
    row = TASKS[task]
    digest = hashlib.sha256(f"{model}/{version}/{task}".encode()).hexdigest()
    made: dict[str, Any] = {
        "max_length": 128,
        "precision": "fp32",
        "target": "cpu",
        "digest": f"sha256:{digest}",
        "source": Source(checkpoint=model, checkpoint_digest=f"sha256:{digest}"),
        "sizes": Sizes(fp32_bytes=1, packaged_bytes=1),
        "tools": {},
        "labels": row.example_labels,
        "postprocessing": row.example,
    }
    return Manifest(model=model, version=version, task=task, **(made | fields))
