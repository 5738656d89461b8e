"""The open loop: each request starts at its intended start, whatever became of those before."""

from collections.abc import Callable
from itertools import islice
from typing import Any

import gevent
from gevent.event import Event

from loadtest.arrivals.process import Trace
from loadtest.generator.alarm import Alarm
from loadtest.generator.load import Load
from loadtest.generator.wire import WireRequest
from loadtest.scenario.loop import OpenLoop

BEHIND_S = 0.010
"""A request that starts longer than this after its intended start is late.

It counts as `behind` instead where that is the generator's own fault.
"""
TURNS_WITHOUT_WAITING = 16
"""How many requests are sent in a row before the greenlets of those in flight get their turn."""
LONGEST_WAIT_S = 0.25
"""How long it takes at most until a stop is noticed."""


class Dispatcher:
    """Dispatches the arrivals of one worker.

    These are every `workers`-th of the scenario's, so that all workers together send the whole.
    """

    def __init__(
        self, load: Load, loop: OpenLoop, alarm: Alarm, on_error: Callable[[Exception], Any], spawn: Callable[..., Any] = gevent.spawn_raw
    ) -> None:
        self._load = load
        self._loop = loop
        self._alarm = alarm
        self._on_error = on_error
        self._spawn = spawn
        workers, worker = load.scenario.workers, load.worker
        # the most requests in flight, split over the workers so that the parts add up
        self._most = max((loop.max_in_flight + workers - 1 - worker) // workers, 1)
        self._in_flight = 0
        self._free = Event()
        self._begun = self._stopping = False
        self.done = Event()

    def stop(self) -> None:
        """Start no more requests; those in flight are still awaited."""
        self._stopping = True
        self._free.set()

    def run(self) -> None:
        """Start the requests of the scenario's duration, then wait for the last response.

        A second call returns at once.
        """
        if self._begun:
            return
        self._begun = True
        scenario, load = self._load.scenario, self._load
        starts = islice(self._loop.arrivals.starts(scenario.seed, scenario.duration_s), load.worker, None, scenario.workers)
        waited_until_s = 0.0
        turns = 0
        for intended_s, request in zip(starts, load.requests, strict=False):
            if load.now_s() < intended_s:
                self._wait(intended_s)
                turns = 0
            elif (turns := turns + 1) % TURNS_WITHOUT_WAITING == 0:
                gevent.sleep(0)
            if self._stopping:
                break
            load.recording.offer(intended_s)
            if self._in_flight >= self._most:
                self._wait_for_room(intended_s)
                waited_until_s = load.now_s()
            self._hand_out(request, intended_s, blocked=intended_s < waited_until_s)
        if not isinstance(self._loop.arrivals, Trace):
            self._wait(scenario.duration_s)
        while self._in_flight:
            self._free.clear()
            self._free.wait()
        self.done.set()

    def _hand_out(self, request: WireRequest, intended_s: float, *, blocked: bool) -> None:
        now_s = self._load.now_s()
        late_s = now_s - intended_s
        if self._in_flight >= self._most or late_s > self._loop.max_late_s + BEHIND_S:
            self._load.recording.drop(intended_s)
            return
        late = late_s > BEHIND_S
        self._load.recording.start(intended_s, now_s, late=late and blocked, behind=late and not blocked)
        self._in_flight += 1
        self._spawn(self._send, request, intended_s, now_s)

    def _send(self, request: WireRequest, intended_s: float, started_s: float) -> None:
        try:
            self._load.send(request, intended_s, started_s)
        except Exception as exc:  # nobody waits for this greenlet, and the run must not go on
            self._on_error(exc)
        finally:
            self._in_flight -= 1
            self._free.set()

    def _wait(self, moment_s: float) -> None:
        while not self._stopping and (now_s := self._load.now_s()) < moment_s:
            self._alarm.wait(min(moment_s - now_s, LONGEST_WAIT_S))

    def _wait_for_room(self, intended_s: float) -> None:
        while self._in_flight >= self._most and not self._stopping:
            left_s = intended_s + self._loop.max_late_s - self._load.now_s()
            if left_s <= 0:
                return
            self._free.clear()
            self._free.wait(left_s)
