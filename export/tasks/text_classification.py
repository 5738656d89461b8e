"""Text classification: one of n labels for a text."""

import numpy as np

from export.tasks.classification_assessment import SINGLE_LABEL
from export.tasks.task import Floats, Task


def softmax(logits: Floats) -> Floats:
    """Probabilities [n, labels] of logits [n, labels]."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: Floats = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return probabilities


TEXT_CLASSIFICATION = Task(
    name="text-classification",
    optimum_task="text-classification",
    auto_model="AutoModelForSequenceClassification",
    required_inputs=("input_ids", "attention_mask"),
    optional_inputs=("token_type_ids",),
    output="logits",
    scores=softmax,
    assessment=SINGLE_LABEL,
)
