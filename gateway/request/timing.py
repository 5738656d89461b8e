"""How long a request takes, stage by stage."""

from time import perf_counter


class Timing:
    """The time since `started` by stage. Times are of `time.perf_counter`, in seconds."""

    __slots__ = ("_lap", "stages_s", "started")

    def __init__(self) -> None:
        self.started = self._lap = perf_counter()
        self.stages_s: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """Book the time since the last lap (or the start) on `stage`."""
        now = perf_counter()
        self.stages_s[stage] = self.stages_s.get(stage, 0.0) + now - self._lap
        self._lap = now

    def book(self, stage: str, seconds: float) -> None:
        """Book so many of the seconds since the last lap on `stage`, and none of the others."""
        self.stages_s[stage] = self.stages_s.get(stage, 0.0) + seconds
        self._lap += seconds

    def elapsed_s(self) -> float:
        """The time since the start."""
        return perf_counter() - self.started

    def server_timing(self) -> str:
        """The stages as a `Server-Timing` header, milliseconds."""
        return ", ".join([f"{stage};dur={seconds * 1e3:.2f}" for stage, seconds in self.stages_s.items()])
