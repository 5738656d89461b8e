"""The capacity profiles of the chosen configurations, with what their loads add to them. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from loadtest.planning.search.capacity_part import LEAST_REQUESTS, measured_point
from loadtest.planning.sweep.point import results_of, trial_of
from loadtest.slo import Slo

Values = Mapping[str, Any]


def profile_of(found: Values | None, entry: Values, points: Sequence[Values], slo: Slo) -> dict[str, Any]:
    """What sweep.json says of the profile of a chosen configuration: the `profile` (null: there is none), `error`, `cautions`.

    `found` is what the store has of it (None: nothing), `entry` of sweep.json, `points` the configuration's runs.
    """
    if found is None:
        return {"configuration": entry["name"], "profile": None, "error": None, "cautions": []}
    cautions = list(found["cautions"])
    if _workers(entry) != 1:
        cautions.append(f"Profiled with one worker of the gateway, where {entry['name']} has {_workers(entry)}: its loads are left out.")
    profile = None if found["profile"] is None else completed(found["profile"], entry, points, slo)
    return {"configuration": entry["name"], "profile": profile, "error": found["error"], "cautions": cautions}


def completed(profile: Values, entry: Values, points: Sequence[Values], slo: Slo) -> dict[str, Any]:
    """A profile with `points` to check the model against and `triton.texts_per_s_within_slo`, as far as the loads tell them.

    Both stay away where the runs had several workers of the gateway, since the profile has one.
    """
    if _workers(entry) != 1:
        return dict(profile)
    seen = [
        measured_point(results, 1, 1)
        for point in points
        if point["sustained"]
        and trial_of(point, slo).kept_up
        and (results := results_of(point)) is not None
        and results.requests >= LEAST_REQUESTS
    ]
    held, triton = entry["capacity"], dict(profile["triton"])
    if held is not None and held["high_rps"] is not None and entry["hit_rate"] is not None and entry["hit_rate"] < 1:
        triton["texts_per_s_within_slo"] = {"slo": str(slo), "texts_per_s": entry["texts_per_s"] * (1 - entry["hit_rate"])}
    return {**profile, "triton": triton, "points": seen}


def missing(profiles: Mapping[str, Values]) -> list[str]:
    """A sentence for each profile that could not be measured."""
    return [
        f"The capacity profile of {one['configuration']} could not be measured: {one['error'].rstrip('.')}."
        for one in profiles.values()
        if one["error"]
    ]


def _workers(entry: Values) -> int:
    return int(entry["knobs"].get("workers", 1))
