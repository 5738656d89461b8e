"""`precision: auto`: build and judge every candidate, time those that pass, take the fastest.

They are timed in turn.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from export.errors import ExportError
from export.graphs.candidates import Candidate, best
from export.graphs.onnx_file import size_bytes
from model_repository.measured import Latency, Precision, TriedCandidate

Judge = Callable[[Path, Candidate], tuple[float | None, str | None]]
"""A graph's quality, None where nobody judges it, and why it may not be packaged, if so."""
Time = Callable[[Sequence[Path]], Sequence[tuple[Latency, ...]]]


@dataclass(frozen=True)
class Choice:
    """The candidate that was taken, its graph, and the table of all that were tried."""

    candidate: Candidate
    graph: Path
    tried: tuple[TriedCandidate, ...]


def choose(
    candidates: Sequence[tuple[Candidate, Precision]],
    build: Callable[[Candidate], Path],
    judge: Judge,
    time: Time | None,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Choice:
    """Try candidates, each with the manifest's name of its precision.

    `time` is None where this machine cannot run what is served. A candidate that cannot be built or
    run is a row with its reason.

    Raises:
        ExportError: no candidate passes.
    """
    rows, graphs = [], []
    for done, (candidate, precision) in enumerate(candidates, start=1):
        graph, quality, failure = _try(candidate, build, judge)
        size = size_bytes(graph) if graph else None
        rows.append(
            TriedCandidate(
                precision=precision,
                optimization=candidate.optimization,
                size_bytes=size,
                quality=quality,
                failure=failure,
            )
        )
        graphs.append(graph)
        advance(done, len(candidates))
    passing = [(at, graph) for at, graph in enumerate(graphs) if graph and rows[at].passes]
    if time and passing:
        for (at, _), latencies in zip(passing, time([graph for _, graph in passing]), strict=True):
            rows[at] = rows[at].model_copy(update={"latencies": tuple(latencies)})
    chosen = best(rows)
    graph = graphs[chosen] if chosen is not None else None
    if chosen is None or graph is None:
        reasons = "; ".join(f"{candidate}: {row.failure}" for (candidate, _), row in zip(candidates, rows, strict=True))
        raise ExportError(f"no candidate of precision auto passes: {reasons}")
    rows[chosen] = rows[chosen].model_copy(update={"chosen": True})
    return Choice(candidates[chosen][0], graph, tuple(rows))


def _try(candidate: Candidate, build: Callable[[Candidate], Path], judge: Judge) -> tuple[Path | None, float | None, str | None]:
    graph = None
    try:
        graph = build(candidate)
        return graph, *judge(graph, candidate)
    except ExportError as exc:
        return graph, None, str(exc)


def table(tried: Sequence[TriedCandidate]) -> list[str]:
    """The candidates as lines of text, aligned: name, size, latencies, quality, verdict."""
    shapes = next((row.latencies for row in tried if row.latencies), ())
    header = ["candidate", "size", *(f"{shape.batch} x {shape.tokens} tokens" for shape in shapes), "quality", ""]
    lines = [header]
    for row in tried:
        latencies = [f"{latency.ms:.2f} ms" for latency in row.latencies] or ["-"] * len(shapes)
        name = f"{row.precision} {row.optimization or ''}".strip()
        size = f"{row.size_bytes / 1e6:.1f} MB" if row.size_bytes else "-"
        quality = f"{row.quality:.4f}" if row.quality is not None else "-"
        lines.append([name, size, *latencies, quality, row.failure or ("chosen" if row.chosen else "")])
    widths = [max(len(line[at]) for line in lines) for at in range(len(header) - 1)]
    return [_aligned(line, widths) for line in lines]


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    name, *cells = line[:-1]
    return "  ".join(
        [name.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)), line[-1]]
    ).rstrip()
