"""An experiment's results for a terminal, made of the JSON that the gateway answers. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def shown(found: Mapping[str, Any]) -> Iterator[str]:
    """The lines."""
    yield f"{found['key']} is {found['status']}, in epoch {found['epoch']}: {found['sentence']}"
    yield from _planned(found["planned"])
    if found["ramp"]:
        yield f"ramp: {found['ramp']}"
    srm = found["srm"]
    yield f"split: {'fits the weights' if srm['ok'] else 'DOES NOT FIT THE WEIGHTS'} (p = {srm['p_value']:.3g})"
    yield from (f"  it may come from: {cause}" for cause in srm["causes"])
    yield from (f"warning: {warning}" for warning in found["warnings"])
    yield ""
    yield from _table(
        ("VARIANT", "UNITS", "REQUESTS", "NO UNIT", "FALLBACKS", "ERRORS", "SHEDS", "HITS"),
        [
            (
                one["name"],
                *(f"{one[name]:,}" for name in ("units", "requests", "anonymous", "fallbacks", "errors", "sheds")),
                "-" if one["hit_share"] is None else f"{one['hit_share']:.1%}",
            )
            for one in found["variants"]
        ],
    )
    known = [metric for metric in found["requests"] if any(one["interval"] for one in metric["comparisons"])]
    for metric in (*found["metrics"], *known):
        yield ""
        yield from _metric(metric)
    if unknown := [metric["name"] for metric in found["requests"] if metric not in known]:
        yield ""
        yield f"of requests nothing differs, or nothing was counted: {', '.join(unknown)}"


def shadows_shown(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The lines of what shadows have shown."""
    for one in found:
        requests = one["requests"]
        yield one["sentence"]
        yield f"  requests: {requests['compared']:,} compared, {requests['dropped']:,} dropped, {requests['failed']:,} failed"
    if not found:
        yield "no version shadows another here, or nothing was asked yet"


def disagreement_shown(found: Mapping[str, Any]) -> Iterator[str]:
    """The lines of the results where answers differ, and where they agree."""
    share = "no unit was compared" if found["share"] is None else f"{found['share']:.1%} of the compared units have an answer that differs"
    yield f"{share}; {found['unknown_units']:,} units were not compared"
    yield f"where answers differ: {found['differ']['sentence']}"
    yield f"where they agree: {found['agree']['sentence']}"


def _planned(planned: Mapping[str, Any] | None) -> Iterator[str]:
    if planned is not None:
        left = planned["days_left"]
        when = "" if left is None else f", which takes {left:,.1f} more days at this pace"
        yield f"planned: {planned['have']:,} of {planned['units']:,} units{when}"


def _metric(metric: Mapping[str, Any]) -> Iterator[str]:
    better = "higher" if metric["direction"] == "increase" else "lower"
    yield f"{metric['name']} ({metric['role']}, {metric['kind']}, {better} is better)"
    if "unmeasured" in metric:
        yield f"  not measured: {metric['unmeasured']}"
    for arm in metric["variants"]:
        yield f"  {arm['name']}: {'-' if arm['estimate'] is None else format(arm['estimate'], '.5g')} ({arm['units']:,} units)"
    for one in metric["comparisons"]:
        yield f"  → {one['sentence']}"
        if one["interval"] is not None:
            low, high = map(_end, one["interval"])
            p_value = one["p_value"] if one["adjusted_p_value"] is None else one["adjusted_p_value"]
            yield f"    difference {one['difference']:+.4g}, from {low} to {high}; p = {p_value:.3g}; {one['method']}"
        if "fixed_horizon" in one:
            horizon = one["fixed_horizon"]
            low, high = map(_end, horizon["interval"])
            yield f"    for one look at the planned end: {horizon['difference']:+.4g}, from {low} to {high}; p = {horizon['p_value']:.3g}"


def _end(end: float | None) -> str:
    return "anything" if end is None else f"{end:+.4g}"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
