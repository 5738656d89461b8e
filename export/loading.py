"""The first step of an export: the model and its texts, and every fault of theirs.

Nothing long has begun then.
"""

from pathlib import Path
from typing import Any

from headrace_backend.items import Item

from export.checkpoints.load import Reference, load
from export.checkpoints.tokenization import require_same_tokens, write_tokenizer
from export.counts import counted
from export.data.dataset import Dataset
from export.data.texts import joined, own_texts
from export.errors import RecipeError
from export.evaluation.assessment import Assessment
from export.graphs.reference import torch_run
from export.graphs.serving import Serving
from export.graphs.subject import Subject
from export.graphs.tail import TRANSFORMER_OUTPUT, make_tail
from export.inputs import Inputs
from export.progress import INDENT, Progress
from export.recipe.sets import Evaluation
from export.registry import package
from export.tasks.task import Task
from model_repository.manifest import Answering


def load_subject(inputs: Inputs, task: Task, repository: Path, tokenizer: Path, progress: Progress) -> tuple[Reference, Subject, list[str]]:
    """Load the model, and find all faults of the evaluation set before the long work.

    With them come cautions: what the checkpoint's files say otherwise than the recipe, which wins.
    """
    recipe = inputs.recipe
    with progress.step("load", "reading the checkpoint") as step:
        reference = load(inputs, task)
        package.require_same_model(repository, recipe.model, recipe.version, reference.answering, recipe.target)
        write_tokenizer(reference.tokenizer, recipe.max_length, tokenizer, reference.pad_id)
        subject = _subject(inputs, task, reference, Serving(reference.answering, tokenizer))
        step.note = f"{recipe.checkpoint}{f' + {recipe.adapter}' if recipe.adapter else ''}, {_described(reference.answering)}"
    for note in subject.dataset.reading.notes:
        progress.say(f"{INDENT}evaluation set: {note}")
    cautions = _cautions(inputs, reference, task)
    for caution in cautions:
        progress.say(f"{INDENT}CAUTION: {caution}")
    return reference, subject, cautions


def _subject(inputs: Inputs, task: Task, reference: Reference, serving: Serving) -> Subject:
    evaluation, answering, truth = inputs.recipe.evaluation, reference.answering, None
    dataset = inputs.evaluation or _texts(inputs, task, answering)
    assessment = task.assessment(dataset, answering)
    items = task.items(dataset, answering)
    if evaluation is not None:
        truth = _truth(assessment, evaluation, dataset, answering)
        dataset.require_all_read(task.name)
    own_items = _own_items(task, answering)
    queries = serving.queries(items)
    require_same_tokens(reference.tokenizer, serving.tokenizer, [*queries, *serving.queries(own_items)])
    plan = task.tail(task.files(inputs.checkpoint.folder), reference.answering)
    tail = make_tail(plan, reference.model.config.hidden_size) if plan else None
    run = torch_run(reference.model, [TRANSFORMER_OUTPUT] if tail else task.outputs, token_types=reference.token_types)
    run = tail.after(run) if tail else run
    return Subject(task, assessment, dataset, truth, items, serving.encode(queries), serving, run, tail, own_items)


def _truth(assessment: Assessment, evaluation: Evaluation, dataset: Dataset, answering: Answering) -> Any:
    """The right answers, after what would keep a metric from judging by them."""
    metric = evaluation.metric or next(iter(assessment.metrics))
    if metric not in assessment.metrics:
        raise RecipeError(f"evaluation.metric: {metric!r} is not possible for this model; choose one of {', '.join(assessment.metrics)}")
    truth = assessment.truth(dataset, answering.labels)
    if fault := assessment.fault(metric, dataset, truth):
        raise RecipeError(fault)
    if assessment.all_one(truth) and not evaluation.allow_weak_reference:
        raise RecipeError(
            f"{dataset.field_of('label')}: all {counted(len(dataset), 'example')} in {dataset.table.path} have the same right answer, so "
            "they cannot tell the model from one that always says it; add examples with other answers, or if they are to be compared "
            "with the reference only, say evaluation: {allow_weak_reference: true}"
        )
    return truth


def _texts(inputs: Inputs, task: Task, answering: Answering) -> Dataset:
    """What the version is compared with its reference on where there is no evaluation set."""
    own = own_texts()
    task.assessment(own, answering)
    task.items(own, answering)
    found = joined(inputs.texts, own, own.reading.roles)
    if inputs.texts:
        inputs.texts.require_all_read(task.name)
    return found


def _own_items(task: Task, answering: Answering) -> list[Item]:
    """What is asked about the repository's own texts beside a set, each once."""
    own = own_texts()
    task.assessment(own, answering)
    return [*dict.fromkeys(task.items(own, answering))]


def _cautions(inputs: Inputs, reference: Reference, task: Task) -> list[str]:
    """What the checkpoint's files say otherwise than the recipe, which wins."""
    files, length = task.files(inputs.checkpoint.folder), inputs.recipe.max_length
    own = files.transformer.get("max_seq_length") if files else None
    positions = getattr(reference.model.config, "max_position_embeddings", None) or 0
    own = own or min((bound for bound in (reference.tokenizer.model_max_length, positions) if bound > 0), default=length)
    if own == length or (own > length and not files):
        return []
    return [
        f"The checkpoint's files let its library read at most {own} tokens of a text, and the recipe's max_length is {length}: "
        f"texts of more than {min(own, length)} tokens are answered otherwise than by that library with its defaults."
    ]


def _described(answering: Answering) -> str:
    settings = answering.postprocessing.model_dump(exclude_none=True, exclude_defaults=True)
    labels = [counted(len(answering.labels), "label")] if answering.labels else []
    return ", ".join([answering.task, *labels, *(f"{name} {value}" for name, value in settings.items() if name != "thresholds")])
