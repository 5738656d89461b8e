"""The report's sections on the graph: how fast it is, and how it was found."""

from collections.abc import Iterator

from export.report import plots
from export.report.contents import Report
from export.report.formats import megabytes, milliseconds, score
from export.report.section import Section, Table

MOST_LAYERS = 12


def latency(report: Report) -> Iterator[Section]:
    """Calls of several lengths and batches."""
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


def candidates(report: Report) -> Iterator[Section]:
    """What `precision: auto` tried."""
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


def layers(report: Report) -> Iterator[Section]:
    """Layers that stay in fp32."""
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
