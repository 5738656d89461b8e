"""The report's sections on answers: their quality, and how they differ from the reference's."""

from collections.abc import Iterator

from export.evaluation.quality import held
from export.report import plots
from export.report.contents import Report
from export.report.formats import interval, percent, score, small
from export.report.section import Section, Table
from model_repository.measured import Comparison


def quality(report: Report) -> Iterator[Section]:
    """The gate's figures."""
    quality = report.manifest.quality
    if quality is None:
        return
    columns = ("", "examples", "fp32 reference", "packaged", "lost", "95% interval", "allowed", "held to it", "same answers")
    rows = [_compared("all", quality, quality.max_drop)]
    rows += [_compared(f"{part.column} = {part.value}", part, quality.max_slice_drop) for part in quality.slices]
    notes = [
        "The fp32 PyTorch model and the packaged graph answered the same examples; the interval is of the difference (paired bootstrap)."
    ]
    if quality.chance is not None:
        notes.append(f"By chance, with its answers dealt to the examples at random, the reference would have {score(quality.chance)}.")
    if quality.chosen_on is not None:
        notes.append(f"The version was chosen on {quality.chosen_on:,} other examples of the set; these did not choose, they judge.")
    notes += [f"{note[0].upper()}{note[1:]}." for note in quality.notes]
    if quality.slices and quality.max_slice_drop is None:
        notes.append("The slices are only shown: the recipe sets no bound for them (evaluation.max_slice_drop).")
    if quality.min_agreement is not None:
        notes.append(
            f"At least {percent(quality.min_agreement)} of the answers had to be the reference's: {percent(quality.agreement)} are."
        )
    table = Table(columns, rows, frozenset(range(1, len(columns))))
    yield Section(
        f"Quality: {quality.metric}",
        notes,
        [(f"How much {quality.metric} is lost, with its interval", plots.losses(quality))],
        [table],
        wide=True,
    )


def _compared(name: str, found: Comparison, bound: float | None) -> tuple[str, ...]:
    held_to = "–" if bound is None else score(held(found, bound))
    numbers = (f"{found.examples:,}", score(found.reference), score(found.packaged), score(found.drop), interval(found))
    return (name, *numbers, score(bound), held_to, percent(found.agreement))


def answers(report: Report) -> Iterator[Section]:
    """Answers that are others than the reference's."""
    answers, tables = report.answers, []
    note = f"{answers.differing:,} of {answers.examples:,} examples are answered otherwise than by the reference."
    if answers.first:
        note += " These are the first:" if answers.differing > len(answers.first) else " They are:"
        rows = [(one.place, one.text, one.right, one.reference, one.packaged) for one in answers.first]
        tables.append(Table(("", "text", "right", "fp32 reference", "packaged"), rows, stacked=True))
    yield Section("Answers beside the reference's", [note], tables=tables)


def scores(report: Report) -> Iterator[Section]:
    """How far scores are from the reference's."""
    scores = report.answers.scores
    if scores is None:
        return
    measure = scores.measure[0].upper() + scores.measure[1:]
    notes = [f"{measure}: {small(scores.mean_absolute).lstrip('+')} on average, without sign."]
    if not scores.largest:
        yield Section("How far scores moved", notes)
        return
    rows = [(place, small(value)) for place, value in scores.largest]
    table = Table(("evaluation set", "largest differences"), rows, frozenset({1}))
    yield Section("How far scores moved", notes, [(measure, plots.score_differences(scores))], [table])


def company(report: Report) -> Iterator[Section]:
    """How far answers move when texts are sent together."""
    found = report.moved
    if found is None:
        return
    notes = [
        f"Texts were asked about alone, in pairs and in batches of up to 7, short ones beside long ones. In company answers moved "
        f"{found.described} of {found.answers}."
    ]
    if report.manifest.precision == "int8-dynamic":
        notes.append(
            "Dynamic int8 takes the range of activations from the whole batch, so an answer depends on the texts that happen to share it. "
            "Where that is too much: precision: fp32, or on a GPU static int8, whose ranges are fixed."
        )
    yield Section("Answers in company", notes)
