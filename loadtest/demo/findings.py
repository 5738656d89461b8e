"""All that the demo found out."""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.demo.caching import Twice
from loadtest.demo.outcomes import METRIC, Known
from loadtest.demo.packaged import Packaged
from loadtest.demo.predictions import Predicted
from loadtest.demo.splitting import Split
from loadtest.results.figures import milliseconds, plural
from loadtest.results.results import Results
from loadtest.scenario.loop import ClosedLoop

IMPLAUSIBLE = 0.001


@dataclass(frozen=True, slots=True)
class Findings:
    """The results of the demo's steps, in their order."""

    predictions: Sequence[Predicted]
    twice: Twice
    split: Split
    known: Known
    load: Results
    packaged: Sequence[Packaged]

    def faults(self) -> list[str]:
        """What went wrong without stopping the demo, a sentence each."""
        found = []
        if self.load.requests.failed:
            found.append(f"{self.load.requests.failed:,} of {plural(self.load.requests.ended, 'request')} failed under load.")
        if self.split.p_value < IMPLAUSIBLE:
            found.append(f"The split does not fit the configured weights (p = {self.split.p_value:.2g}).")
        return found

    def verdict(self) -> list[str]:
        """What the demo showed, a sentence each."""
        load, split, twice = self.load, self.split, self.twice
        shares = " and ".join(f"{arm.units:,} went to {arm.name} (version {arm.version})" for arm in split.arms)
        weights = " and ".join(f"{arm.weight:.0%}" for arm in split.arms)
        said = [f"Of {plural(split.units, 'unit')} {shares}; configured are {weights}."]
        said.append(f"By {METRIC} answers, {self.known.sentence}: {self.known.page.name} shows the experiment.")
        said.append(
            f"A text seen before is answered in {milliseconds(twice.second_ms)} instead of {milliseconds(twice.first_ms)}, from the cache."
        )
        latency_ms = load.latency.summary_ms
        if latency_ms is not None:
            said.append(
                f"Under {plural(users(load), 'user')} {load.throughput.answered_rps:,.0f} requests/s, {load.hits.rate:.0%} cached: "
                f"half within {milliseconds(latency_ms['p50'])}, 99% within {milliseconds(latency_ms['p99'])}."
            )
        newest = max(self.packaged, key=lambda packaged: packaged.version)
        said.append(f"Version {newest.version} as {newest.precision} is {_comparison(newest)}.")
        return said


def users(load: Results) -> int:
    """The users of the demo's load, which is a closed loop."""
    return load.scenario.loop.users if isinstance(load.scenario.loop, ClosedLoop) else 0


def _comparison(packaged: Packaged) -> str:
    parts = [f"{packaged.size_ratio:.1f} times smaller"]
    if packaged.speed_ratio is not None:
        ratio = packaged.speed_ratio
        parts.append(f"{ratio:.1f} times faster" if ratio >= 1 else f"{1 / ratio:.1f} times slower")
    comparison = " and ".join(parts) + " than fp32"
    if packaged.fp32_quality is None or packaged.packaged_quality is None:
        return comparison
    return f"{comparison}, at {packaged.packaged_quality:.2%} {packaged.metric} against {packaged.fp32_quality:.2%}"
