"""The charts of what was seen of the stack while a load ran, by name. Pure."""

from collections.abc import Sequence

from markupsafe import Markup

from loadtest.report.charts.axis import axis_from_zero, share_axis, time_axis
from loadtest.report.charts.frame import Hint
from loadtest.report.charts.line import Line, line_chart, sparkline
from loadtest.results.figures import plural
from loadtest.results.observed import ROLES, Observed, ProcessUse

ROLE_NAMES = {"gateway": "gateway", "triton": "Triton", "cache": "cache server", "generator": "load generator", "other": "other"}
ROLE_STYLES = {"gateway": "c1", "triton": "c2", "cache": "c4", "generator": "c3", "other": "c5"}
BYTES_PER_MIB = 2**20
STYLES = ("c1", "c2", "c3", "c4", "c5", "c6")


def draw_stack(observed: Observed, elapsed_s: float) -> dict[str, Markup]:
    """The charts by name, of what is known.

    `cpu` and `memory` of the parts, `batches` and `triton_rates` of the Tritons, `gpu` and
    `gpu_memory`.
    """
    charts = {}
    if observed.processes and elapsed_s > 0:
        charts["cpu"] = _cpu(observed, elapsed_s)
        charts["memory"] = _memory(observed, elapsed_s)
    tritons = [triton for triton in observed.tritons if any(point.mean_batch is not None for point in triton.series)]
    if tritons and elapsed_s > 0:
        charts["batches"] = _batches(observed, elapsed_s)
        charts["triton_rates"] = _rates(observed, elapsed_s)
    if any(triton.gpus for triton in observed.tritons) and elapsed_s > 0:
        charts["gpu"], charts["gpu_memory"] = _gpus(observed, elapsed_s)
    return charts


def draw_process(use: ProcessUse, observed: Observed, elapsed_s: float) -> tuple[Markup, Markup]:
    """Small charts of the CPU and the memory of a process, on the scale of the greatest of all."""
    style, end = ROLE_STYLES[use.role], max(elapsed_s, *(point.at_s for point in use.series))
    cores = max(other.most_cores for other in observed.processes)
    memory = max(other.most_memory_bytes for other in observed.processes)
    return (
        sparkline(f"CPU of {use.name}", [(point.at_s, point.cpu_cores) for point in use.series], end, cores, style),
        sparkline(f"memory of {use.name}", [(point.at_s, point.memory_bytes) for point in use.series], end, memory, style),
    )


def _cpu(observed: Observed, elapsed_s: float) -> Markup:
    roles = {role: [(point.at_s, point.cpu_cores) for point in observed.of_role(role)] for role in ROLES}
    lines = _by_role(roles)
    y = axis_from_zero("cores", _greatest(lines))
    return line_chart("CPU by part over time", lines, time_axis(elapsed_s), y, _hints(roles, "{:.2f} cores"))


def _memory(observed: Observed, elapsed_s: float) -> Markup:
    roles = {role: [(point.at_s, point.memory_bytes / BYTES_PER_MIB) for point in observed.of_role(role)] for role in ROLES}
    lines = _by_role(roles)
    y = axis_from_zero("MiB", _greatest(lines))
    return line_chart("Resident memory by part over time", lines, time_axis(elapsed_s), y, _hints(roles, "{:,.0f} MiB"))


def _batches(observed: Observed, elapsed_s: float) -> Markup:
    lines = [
        Line(_triton_name(observed, index), [(point.at_s, point.mean_batch) for point in triton.series], STYLES[index % len(STYLES)])
        for index, triton in enumerate(observed.tritons)
    ]
    hints = [
        Hint(
            point.at_s - 1,
            point.at_s,
            f"second {point.at_s:.0f}: {point.mean_batch:.2f} texts a batch, {plural(point.pending, 'request')} pending",
        )
        for point in (observed.tritons[0].series if len(observed.tritons) == 1 else [])
        if point.mean_batch is not None
    ]
    return line_chart("Texts in a batch over time", lines, time_axis(elapsed_s), axis_from_zero("texts a batch", _greatest(lines)), hints)


def _rates(observed: Observed, elapsed_s: float) -> Markup:
    lines = []
    for index, triton in enumerate(observed.tritons):
        name = f" {index + 1}" if len(observed.tritons) > 1 else ""
        lines.append(
            Line(f"texts{name}", [(point.at_s, point.inferences_per_s) for point in triton.series], STYLES[2 * index % len(STYLES)])
        )
        batches = [(point.at_s, point.executions_per_s) for point in triton.series]
        lines.append(Line(f"batches{name}", batches, STYLES[(2 * index + 1) % len(STYLES)]))
    return line_chart("Texts and batches in Triton over time", lines, time_axis(elapsed_s), axis_from_zero("1/s", _greatest(lines)))


def _gpus(observed: Observed, elapsed_s: float) -> tuple[Markup, Markup]:
    gpus = [gpu for triton in observed.tritons for gpu in triton.gpus]
    named = [(f"GPU {index}", gpu, STYLES[index % len(STYLES)]) for index, gpu in enumerate(gpus)]
    busy = [Line(name, [(point.at_s, point.utilization) for point in gpu.series], style) for name, gpu, style in named]
    held = [Line(name, [(point.at_s, point.memory_bytes / BYTES_PER_MIB) for point in gpu.series], style) for name, gpu, style in named]
    return (
        line_chart("GPU utilization over time", busy, time_axis(elapsed_s), share_axis("busy")),
        line_chart("GPU memory over time", held, time_axis(elapsed_s), axis_from_zero("MiB", _greatest(held))),
    )


def _triton_name(observed: Observed, index: int) -> str:
    return f"Triton {index + 1}" if len(observed.tritons) > 1 else "texts a batch"


def _by_role(roles: dict[str, list[tuple[float, float]]]) -> list[Line]:
    return [Line(ROLE_NAMES[role], points, ROLE_STYLES[role]) for role, points in roles.items() if points]


def _hints(roles: dict[str, list[tuple[float, float]]], form: str) -> list[Hint]:
    times = sorted({at_s for points in roles.values() for at_s, _ in points})
    found = {role: dict(points) for role, points in roles.items()}
    hints = []
    for before_s, at_s in zip([0.0, *times], times, strict=False):
        parts = [f"{ROLE_NAMES[role]} {form.format(points[at_s])}" for role, points in found.items() if at_s in points]
        hints.append(Hint(before_s, at_s, f"second {at_s:.0f}: " + ", ".join(parts)))
    return hints


def _greatest(lines: Sequence[Line]) -> float:
    return max((y for line in lines for _, y in line.points if y is not None), default=0.0)
