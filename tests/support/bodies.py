"""Bodies of every dialect, each with a place for what a hostile client puts there."""

import json
from collections.abc import Callable
from typing import Any

HERE = "<here>"
TASKS = {
    "topics": "text-classification",
    "minilm": "feature-extraction",
    "ranker": "text-ranking",
    "people": "token-classification",
    "answers": "question-answering",
    "labels": "zero-shot-classification",
}

TENSOR = {"name": "TEXT", "shape": [1, 1], "datatype": "BYTES", "data": ["a"]}
BODIES = [
    ("/v1/outcomes", HERE),
    ("/v1/outcomes", {"outcomes": HERE}),
    ("/v1/models/topics:predict", HERE),
    ("/v1/models/topics:predict", {"instances": HERE}),
    ("/v1/models/topics:predict", {"instances": [HERE]}),
    ("/v1/models/ranker:predict", {"instances": [{"query": "a", "documents": HERE}]}),
    ("/v1/models/labels:predict", {"instances": ["a"], "parameters": {"candidate_labels": HERE}}),
    ("/v1/models/topics:predict", {"instances": ["a"], "parameters": HERE}),
    ("/v1/models/topics:predictStream", HERE),
    ("/v2/models/topics/infer", HERE),
    ("/v2/models/topics/infer", {"inputs": HERE}),
    ("/v2/models/topics/infer", {"inputs": [TENSOR | {"data": HERE}]}),
    ("/v2/models/topics/infer", {"inputs": [TENSOR | {"shape": HERE}]}),
    ("/v2/models/topics/infer", {"inputs": [TENSOR | {"parameters": HERE}]}),
    ("/v2/models/topics/infer", {"inputs": [TENSOR], "outputs": HERE}),
    ("/v2/models/topics/infer", {"inputs": [TENSOR], "parameters": HERE}),
    ("/v2/models/topics/infer", {"inputs": [TENSOR], "x": HERE}),
    ("/v2/models/topics/generate", HERE),
    ("/v2/models/topics/generate", {"TEXT": HERE}),
    ("/v2/models/topics/generate", {"TEXT": "a", "parameters": HERE}),
    ("/v2/models/topics/generate", {"TEXT": "a", "x": HERE}),
    ("/v2/repository/index", HERE),
    ("/v1/embeddings", HERE),
    ("/v1/embeddings", {"model": "minilm", "input": HERE}),
    ("/v1/embeddings", {"model": "minilm", "input": "a", "x": HERE}),
    ("/openai/deployments/minilm/embeddings", {"input": HERE}),
    ("/v2/embed", {"texts": HERE}),
    ("/v2/embed", {"inputs": HERE}),
    ("/v2/embed", {"inputs": [{"content": HERE}]}),
    ("/vertex", {"instances": HERE}),
    ("/vertex", {"instances": [HERE]}),
    ("/vertex", {"instances": [{"inputs": HERE}]}),
    ("/v1/admin/keys", {"tenant": "acme", "scopes": HERE}),
    ("/v1/admin/keys", HERE),
    ("/v1/admin/keys/none/rotate", {"grace_s": HERE}),
    ("/v1/admin/tenants/acme/limits", HERE),
    ("/v1/experiments/lora", HERE),
    ("/v1/experiments/lora", {"variants": HERE}),
    ("/v1/experiments/lora", {"variants": [], "condition": HERE}),
    ("/v1/experiments/lora:promote", HERE),
    ("/v1/experiments/lora:promote", {"variant": HERE}),
    ("/v1/rerank", {"model": "ranker", "query": "a", "documents": HERE}),
    ("/embed", {"inputs": HERE}),
    ("/similarity", {"inputs": {"source_sentence": "a", "sentences": HERE}}),
    ("/predict", {"inputs": HERE}),
    ("/predict", {"inputs": [HERE]}),
    ("/rerank", {"query": "a", "texts": HERE}),
    ("/rerank", {"query": "a", "documents": HERE}),
    ("/models/topics", {"inputs": HERE}),
    ("/models/topics", {"inputs": ["a"], "parameters": HERE}),
    ("/models/people", {"inputs": ["a"], "parameters": {"ignore_labels": HERE}}),
    ("/models/answers", {"inputs": HERE}),
    ("/models/labels", {"inputs": "a", "parameters": {"candidate_labels": HERE}}),
    ("/models/minilm", {"inputs": HERE}),
]
"""A path, and a body in which `HERE` stands once."""


def filled(body: Any, hostile: Callable[[int], bytes], most_bytes: int) -> bytes:
    """A body with JSON at its place; `hostile` makes it of the bytes that are left of the most."""
    before, _, after = json.dumps(body).encode().partition(json.dumps(HERE).encode())
    return before + hostile(most_bytes - len(before) - len(after)) + after
