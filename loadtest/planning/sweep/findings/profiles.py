"""The capacity profiles of the chosen configurations, with what their loads add to them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loadtest.planning.capacity.profile_part import ProfilePart, TritonPart
from loadtest.planning.search.capacity_part import checks_a_model, measured_point
from loadtest.planning.sweep.findings.entry import Entry
from loadtest.planning.sweep.point import Point
from loadtest.planning.sweep.profile_result import ProfileResult
from loadtest.slo import Slo


@dataclass(frozen=True, slots=True)
class ChosenProfile:
    """The profile of a chosen configuration, None where there is none.

    `error` says why it could not be measured, and is None where it could, or was not measured yet.
    """

    configuration: str
    profile: ProfilePart | None
    error: str | None
    cautions: tuple[str, ...]


def profile_of(found: ProfileResult | None, entry: Entry, points: Sequence[Point], slo: Slo) -> ChosenProfile:
    """What there is to say of the profile of a chosen configuration.

    `found` is what the store has of it (None: nothing), `points` are the configuration's runs.
    """
    if found is None:
        return ChosenProfile(entry.name, None, None, ())
    cautions, workers = found.cautions, entry.description.workers
    if workers != 1:
        cautions += (f"Profiled with one worker of the gateway, where {entry.name} has {workers}: its loads are left out.",)
    profile = None if found.profile is None else completed(found.profile, entry, points, slo)
    return ChosenProfile(entry.name, profile, found.error, cautions)


def completed(profile: ProfilePart, entry: Entry, points: Sequence[Point], slo: Slo) -> ProfilePart:
    """A profile with what the loads of the sweep add to it.

    That is `points` to check the model with, and `triton.texts_per_s_within_slo`, as far as the
    loads show them. Neither is added where the runs had several workers of the gateway, since the
    profile has one.
    """
    if entry.description.workers != 1:
        return profile
    seen = [
        measured_point(point.results, 1, 1)
        for point in points
        if point.sustained and point.results is not None and checks_a_model(point.results)
    ]
    return {**profile, "triton": _with_ceiling(profile["triton"], entry, slo), "points": seen}


def missing(profiles: Mapping[str, ChosenProfile]) -> list[str]:
    """A sentence for each profile that could not be measured."""
    return [
        f"The capacity profile of {one.configuration} could not be measured: {one.error.rstrip('.')}."
        for one in profiles.values()
        if one.error
    ]


def _with_ceiling(triton: TritonPart, entry: Entry, slo: Slo) -> TritonPart:
    """The Triton part with the misses per second that one replica holds in nine of ten runs.

    They are added where the capacity has an upper bound and not all texts are hits.
    """
    held, hit_rate = entry.capacity, entry.hit_rate
    if held is None or held.safe_low_rps is None or hit_rate is None or hit_rate >= 1:
        return triton
    texts_per_s = (entry.texts_per_s or 0.0) * held.safe_low_rps / held.rps
    return {**triton, "texts_per_s_within_slo": {"slo": str(slo), "texts_per_s": texts_per_s * (1 - hit_rate)}}
