"""What the report tells, in order: tables of text for HTML and Markdown, plots for HTML only."""

from collections.abc import Iterator

from export.report import answer_sections, graph_sections
from export.report.contents import Report
from export.report.formats import megabytes, percent, score
from export.report.section import Section, Table
from export.report.verdict import remarks
from model_repository.manifest import Manifest

DIGEST = "… its digest"


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
        *answer_sections.quality(report),
        *answer_sections.answers(report),
        *answer_sections.scores(report),
        *answer_sections.company(report),
        *graph_sections.latency(report),
        *graph_sections.candidates(report),
        *graph_sections.layers(report),
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


def _steps(report: Report) -> Iterator[Section]:
    rows = [(step.name, f"{step.seconds:.1f} s", megabytes(step.size_bytes), step.note) for step in report.steps]
    rows.append(("all", f"{sum(step.seconds for step in report.steps):.1f} s", "", ""))
    yield Section("Steps", tables=[Table(("step", "time", "size", ""), rows, frozenset({1, 2}), stacked=True)])
