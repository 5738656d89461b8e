"""Text classification: one of n labels for a text."""

import numpy as np

from export.tasks.task import Floats, Ints, Task


def softmax(logits: Floats) -> Floats:
    """Probabilities [n, labels] of logits [n, labels]."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: Floats = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return probabilities


def accuracy(logits: Floats, labels: Ints) -> float:
    """Share of examples whose right label has the highest logit."""
    return float((logits.argmax(axis=-1) == labels).mean())


TEXT_CLASSIFICATION = Task(
    name="text-classification",
    optimum_task="text-classification",
    auto_model="AutoModelForSequenceClassification",
    required_inputs=("input_ids", "attention_mask"),
    optional_inputs=("token_type_ids",),
    output="logits",
    scores=softmax,
    metrics={"accuracy": accuracy},
)
