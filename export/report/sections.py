"""The report's sections: tables of text for HTML and Markdown, and plots for HTML only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from export.evaluation.quality import held
from export.report import plots
from export.report.contents import Report
from export.report.formats import interval, megabytes, milliseconds, percent, score, small
from export.report.verdict import remarks
from model_repository.manifest import Comparison, Manifest

MOST_LAYERS = 12
DIGEST = "… its digest"


@dataclass(frozen=True)
class Table:
    """Rows of text.

    `numbers` are the columns that are aligned right, `strong` is the row that was chosen; `stacked`
    says that a row of few short and some long cells stands under itself on a narrow page.
    """

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    numbers: frozenset[int] = frozenset()
    strong: int | None = None
    stacked: bool = False


@dataclass(frozen=True)
class Section:
    """A heading, what it says in words, its plots by title, its tables."""

    title: str
    notes: list[str] = field(default_factory=list)
    plots: list[tuple[str, Markup]] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    wide: bool = False


def figures(report: Report) -> list[tuple[str, str]]:
    """The most important numbers, each with what it is."""
    manifest, quality, speed = report.manifest, report.manifest.quality, report.manifest.speed
    found = []
    if quality:
        found.append((score(quality.packaged), f"{quality.metric}, fp32 {score(quality.reference)}"))
        found.append((score(quality.drop), f"{quality.metric} lost, {score(quality.max_drop)} allowed"))
        found.append((percent(quality.agreement), "same answers as the reference"))
    if manifest.unjudged:
        same = manifest.unjudged.same_answers / max(manifest.unjudged.texts, 1)
        found.append((percent(same), f"same answers as the reference, on {manifest.unjudged.texts} texts"))
    found.append((megabytes(manifest.sizes.packaged_bytes), f"packaged, fp32 {megabytes(manifest.sizes.fp32_bytes)}"))
    if speed:
        found.append((f"× {speed.packaged_texts_per_s / speed.fp32_texts_per_s:.2f}", "speed of fp32, one thread"))
    found.append((f"{sum(step.seconds for step in report.steps):.0f} s", "to export"))
    return found


def sections(report: Report) -> list[Section]:
    """All sections that this version has something for."""
    return [
        *_quality(report),
        *_answers(report),
        *_scores(report),
        *_latency(report),
        *_candidates(report),
        *_layers(report),
        *_came_in(report),
        *_steps(report),
    ]


def _came_in(report: Report) -> Iterator[Section]:
    manifest = report.manifest
    source, quality = manifest.source, manifest.quality
    rows: list[tuple[str, str | None]] = [
        ("Checkpoint", source.checkpoint),
        (DIGEST, source.checkpoint_digest),
        ("Revision", source.revision),
    ]
    rows += [("Adapter", source.adapter), (DIGEST, source.adapter_digest)]
    if quality:
        rows += [("Evaluation set", f"{quality.data}, {quality.examples:,} examples"), (DIGEST, quality.data_digest)]
    rows += [
        ("Recipe's git commit", source.recipe_revision),
        ("Recipe and its files", source.inputs_digest),
        ("Command", source.command),
    ]
    rows += [("Packaged", _described(manifest)), (DIGEST, manifest.digest)]
    rows += [("Tools", ", ".join(f"{name} {version}" for name, version in manifest.tools.items())), ("Machine", report.machine)]
    yield Section(
        "What came in, and what was made of it",
        remarks(manifest),
        tables=[Table(("", ""), [(name, value) for name, value in rows if value])],
    )


def _described(manifest: Manifest) -> str:
    settings = manifest.postprocessing.model_dump(mode="json", exclude_none=True)
    parts = [manifest.task, f"{manifest.precision} for {manifest.target}", f"at most {manifest.max_length} tokens"]
    if manifest.windows:
        parts.append(f"windows {_pairs(manifest.windows.model_dump(mode='json'))}")
    parts += [f"labels {', '.join(manifest.labels)}"] * bool(manifest.labels) + [_pairs(settings)] * bool(settings)
    return "; ".join(parts)


def _pairs(settings: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def _quality(report: Report) -> Iterator[Section]:
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


def _answers(report: Report) -> Iterator[Section]:
    answers, tables = report.answers, []
    note = f"{answers.differing:,} of {answers.examples:,} examples are answered otherwise than by the reference."
    if answers.first:
        note += " These are the first:" if answers.differing > len(answers.first) else " They are:"
        rows = [(one.place, one.text, one.right, one.reference, one.packaged) for one in answers.first]
        tables.append(Table(("", "text", "right", "fp32 reference", "packaged"), rows, stacked=True))
    yield Section("Answers beside the reference's", [note], tables=tables)


def _scores(report: Report) -> Iterator[Section]:
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


def _latency(report: Report) -> Iterator[Section]:
    speed, notes = report.manifest.speed, []
    if speed:
        notes.append(
            f"{speed.packaged_texts_per_s:,.1f} texts/s and fp32 {speed.fp32_texts_per_s:,.1f} texts/s: {speed.texts} texts of the "
            f"evaluation set, sorted by length, in batches of {speed.batch_size}."
        )
    if not report.latencies:
        if notes:
            yield Section("Latency", notes)
        return
    where = "on one thread of the CPU" if report.manifest.target == "cpu" else f"with {report.manifest.measured_provider}"
    notes.append(
        f"Median of a few calls of ONNX Runtime {where}, tokenizing excluded; the lengths are of shorter, middle and longer "
        "texts of the evaluation set."
    )
    if len(report.latencies) < len({point.tokens for point in report.latencies}) * len({point.batch for point in report.latencies}):
        notes.append("The largest calls would have taken longer than the time that an export spends on this, and were left out.")
    beside = any(point.fp32_ms is not None for point in report.latencies)
    rows = []
    for point in sorted(report.latencies, key=lambda one: (one.tokens, one.batch)):
        fp32 = [milliseconds(point.fp32_ms), f"× {point.fp32_ms / point.packaged_ms:.2f}"] if point.fp32_ms is not None else []
        rows.append((str(point.tokens), str(point.batch), milliseconds(point.packaged_ms), *fp32))
    columns = ("tokens", "texts in a batch", "packaged", *(("fp32", "speed of fp32") if beside else ()))
    drawn = [("Latency against length and batch", plots.latencies(report.latencies))]
    yield Section("Latency", notes, drawn, [Table(columns, rows, frozenset(range(len(columns))))])


def _candidates(report: Report) -> Iterator[Section]:
    tried = report.manifest.candidates
    if not tried:
        return
    timed = next((row.latencies for row in tried if row.latencies), ())
    columns = ("#", "candidate", "size", *(f"{one.batch} × {one.tokens} tokens" for one in timed), "quality", "")
    rows = []
    for number, row in enumerate(tried, start=1):
        latencies = [milliseconds(one.ms) for one in row.latencies] or ["–"] * len(timed)
        name = f"{row.precision} {row.optimization or ''}".strip()
        state = row.failure or ("chosen" if row.chosen else "")
        rows.append((str(number), name, megabytes(row.size_bytes), *latencies, score(row.quality), state))
    chosen = next((at for at, row in enumerate(tried) if row.chosen), None)
    how = f"The {'fastest' if timed else 'first, in order of preference,'} that passes the gate was taken."
    table = Table(columns, rows, frozenset(range(2, 4 + len(timed))), chosen)
    yield Section("Candidates", [how], plots.candidates(tried), [table], wide=True)


def _layers(report: Report) -> Iterator[Section]:
    found = report.manifest.sensitivity
    if not found:
        return
    notes = [
        f"The layers that int8 hurts most stay in fp32: {found.layers_kept} of {len(found.layers)}, as few as let the version pass. "
        f"Each was quantized alone, and its scores compared on {found.texts} texts."
    ]
    timed = next((point.latencies for point in found.curve if point.latencies), ())
    columns = ("layers in fp32", "size", *(f"{one.batch} × {one.tokens} tokens" for one in timed), "quality", "")
    rows, strong = [], None
    for at, point in enumerate(found.curve):
        kept = point.layers_kept == found.layers_kept
        strong = at if kept else strong
        latencies = [milliseconds(one.ms) for one in point.latencies] or ["–"] * len(timed)
        state = "packaged" if kept else "" if point.passes else "does not pass"
        rows.append((str(point.layers_kept), megabytes(point.size_bytes), *latencies, score(point.quality), state))
    curve = Table(columns, rows, frozenset(range(3 + len(timed))), strong)
    costs = [
        (layer.layer, str(layer.nodes), f"{layer.mean_score_difference:.2g}", "fp32" if at < found.layers_kept else "int8")
        for at, layer in enumerate(found.layers[:MOST_LAYERS])
    ]
    layers = Table(("layer", "nodes", "scores move by", "packaged in"), costs, frozenset({1, 2}))
    if len(found.layers) > MOST_LAYERS:
        notes.append(f"The {MOST_LAYERS} most sensitive layers are listed; all are in the manifest.")
    yield Section("Layers kept in fp32", notes, plots.sensitivity(found), [curve, layers], wide=True)


def _steps(report: Report) -> Iterator[Section]:
    rows = [(step.name, f"{step.seconds:.1f} s", megabytes(step.size_bytes), step.note) for step in report.steps]
    rows.append(("all", f"{sum(step.seconds for step in report.steps):.1f} s", "", ""))
    yield Section("Steps", tables=[Table(("step", "time", "size", ""), rows, frozenset({1, 2}), stacked=True)])
