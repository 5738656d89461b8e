"""What a report says in one sentence, and what a reviewer must know before trusting it. Pure."""

from collections.abc import Iterator

from export.evaluation.quality import held, is_conclusive
from export.graphs.graph import CPU
from export.report.contents import Report
from export.report.formats import score
from model_repository.config import execution_provider
from model_repository.manifest import Manifest
from model_repository.measured import Quality


def verdict(report: Report) -> str:
    """How the gate was passed, by which margin, and what was not run."""
    manifest = report.manifest
    missing = [phrase for phrase, _ in _not_run(report)]
    ending = f". Not run: {'; '.join(missing)}." if missing else "."
    if manifest.quality is None:
        return f"{_unjudged(manifest)}{ending}"
    return f"{_passed(manifest.quality)}{ending}"


def cautions(report: Report) -> list[str]:
    """What speaks against the figures or weakens them, a sentence each."""
    return [sentence for _, sentence in _not_run(report)] + list(report.cautions) + list(_doubts(report.manifest))


def _unjudged(manifest: Manifest) -> str:
    found = manifest.unjudged
    if found is None:
        return "No quality was measured"
    said = f"{found.said[0].upper()}{found.said[1:]}"
    return f"{said}: the recipe names no evaluation set. {found.same_answers} of {found.texts} texts are answered as the reference does"


def _passed(quality: Quality) -> str:
    moved = f"on {quality.examples:,} examples {quality.metric} goes from {score(quality.reference)} to {score(quality.packaged)}"
    if abs(quality.drop) < 5e-5:
        moved = f"on {quality.examples:,} examples {quality.metric} stays {score(quality.packaged)}"
    allowed = f"the recipe allows a loss of {score(quality.max_drop)}"
    if not is_conclusive(quality, quality.max_drop):
        return f"Passed, though on few examples: {moved}, and {allowed}. There are too few to tell how much chance is in that"
    most = max(held(quality, quality.max_drop), 0.0)
    return f"Passed: {moved}. With {_confidence(quality)} confidence no more than {score(most)} is lost, and {allowed}"


def _confidence(quality: Quality) -> str:
    return f"{quality.interval.confidence:.0%}" if quality.interval else "some"


def remarks(manifest: Manifest) -> list[str]:
    """What a reviewer may want to know of how the version came about, and need not worry about."""
    found = []
    if (manifest.source.recipe_revision or "").endswith("-dirty"):
        found.append("The recipe's folder held changes that are not in the git commit named here.")
    return found


def _not_run(report: Report) -> Iterator[tuple[str, str]]:
    manifest, triton = report.manifest, report.triton
    served = execution_provider(manifest.target, manifest.precision)
    if triton.unavailable is not None:
        yield "Triton", f"Nobody has seen this version answer through Triton: {triton.unavailable}"
    elif triton.provider != served:
        yield f"{served} in Triton", f"Through Triton it was tried on the CPU: {served}, which will serve it, is not on this machine."
    if manifest.target == "gpu" and manifest.measured_provider == CPU:
        yield "measuring on a GPU", "Quality was measured on the CPU, and no latency: what a GPU makes of this version is not known."


def _doubts(manifest: Manifest) -> Iterator[str]:
    quality, speed = manifest.quality, manifest.speed
    if quality and quality.weak_reference:
        yield f"A weak reference, which the recipe allows: {quality.weak_reference}."
    if manifest.unjudged:
        yield (
            "Nobody judged whether its answers are right: they were only compared with the fp32 model's. "
            f"`promote {manifest.model}/{manifest.version}` asks for --unjudged."
        )
    if quality and not is_conclusive(quality, quality.max_drop):
        yield (
            f"{quality.examples:,} examples are too few to tell: the drop itself, and not its interval's upper end, was held to the bound."
        )
    if quality and quality.max_slice_drop is not None:
        bound = quality.max_slice_drop
        if unclear := [f"{part.column} = {part.value}" for part in quality.slices if not is_conclusive(part, bound)]:
            yield f"Too few examples to tell in {', '.join(unclear)}: there the drop itself was held to the bound."
    if speed and speed.packaged_texts_per_s < speed.fp32_texts_per_s:
        ratio = speed.packaged_texts_per_s / speed.fp32_texts_per_s
        yield f"It ran {ratio:.2f} times as fast as fp32, so slower, on the machine that exported it."
    if manifest.candidates and not any(row.latencies for row in manifest.candidates):
        yield "The candidates were not timed, for there is no GPU here: the first that passes in order of preference was taken."
