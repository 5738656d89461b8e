"""Zero-shot classification by an NLI model.

It is judged with the labels of the evaluation set as candidates.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from headrace_backend.items import Item

from export.data.dataset import Dataset
from export.errors import RecipeError
from export.evaluation.assessment import Assessment, same_by
from export.evaluation.metrics.metric import mean_of
from export.tasks.libraries import Ask, Libraries
from export.tasks.loaded import Loaded
from export.tasks.task import Task
from model_repository.manifest import Answering
from model_repository.postprocessing import ZeroShotClassification


def _postprocessing(loaded: Loaded) -> ZeroShotClassification:
    entailment = _index(loaded.labels, "entail")
    if entailment is None:
        raise RecipeError(
            f"labels: none of {', '.join(loaded.labels)} is called entailment, so this is no NLI model; "
            "name the head's labels with labels: [contradiction, neutral, entailment] in their order"
        )
    contradiction = _index(loaded.labels, "contra")
    if contradiction is None:
        # the other end, as transformers' pipeline takes it
        contradiction = len(loaded.labels) - 1 if entailment == 0 else 0
    return ZeroShotClassification(entailment=entailment, contradiction=contradiction, **loaded.wished)


def _index(labels: Sequence[str], beginning: str) -> int | None:
    return next((at for at, label in enumerate(labels) if label.lower().startswith(beginning)), None)


def _items(dataset: Dataset, answering: Answering) -> list[Item]:
    candidates = sorted(set(dataset.column("label").strings()))
    parameters = json.dumps({"candidate_labels": candidates}).encode()
    return [Item(text.encode(), None, parameters) for text in dataset.column("text").strings()]


def _truth(dataset: Dataset, names: Sequence[str]) -> list[str]:
    return dataset.column("label").strings()


def _best(outputs: Sequence[Any]) -> list[str]:
    return [answer["labels"][0] for answer in outputs]


ACCURACY = mean_of("accuracy", lambda outputs, truth: np.array(_best(outputs)) == np.array(truth))
CANDIDATES = Assessment(_truth, {ACCURACY.name: ACCURACY}, same_by(_best))


def _reference(libraries: Libraries) -> Ask:
    settings = libraries.answering.postprocessing
    usual = settings.hypothesis_template if isinstance(settings, ZeroShotClassification) else ""
    ask = libraries.pipeline(TASK.name)

    def answer(item: Item) -> Any:
        given = json.loads(item.parameters)
        labels, template = given["candidate_labels"], given.get("hypothesis_template", usual)
        if template.count("{}") == 1:
            found = ask(item.text.decode(), labels, hypothesis_template=template)
            return {"labels": found["labels"], "scores": found["scores"]}
        # the pipeline fills in a label once
        hypotheses = {template.replace("{}", label): label for label in labels}
        found = ask(item.text.decode(), list(hypotheses), hypothesis_template="{}")
        return {"labels": [hypotheses[label] for label in found["labels"]], "scores": found["scores"]}

    return answer


TASK = Task(
    name="zero-shot-classification",
    optimum_task="text-classification",
    auto_model="AutoModelForSequenceClassification",
    outputs={"logits": 2},
    postprocessing=_postprocessing,
    items=_items,
    assessment=lambda dataset, answering: CANDIDATES,
    metrics=(ACCURACY.name,),
    reference=_reference,
    probabilities=lambda answering: False,
    needs_label=lambda metric: True,
)
