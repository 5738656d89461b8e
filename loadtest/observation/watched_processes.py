"""The processes that are watched while a load runs.

They are those that were found or named, their descendants, and the load generator's own.
"""

import os
from collections.abc import Callable, Sequence
from itertools import pairwise

from loadtest.observation.process_names import TRITON, ProcessName, is_helper, name_process, number_equals
from loadtest.observation.process_table import NoProcessError, Process, Taken
from loadtest.observation.spacing import space_out
from loadtest.results.observed import ROLES, ProcessPoint, ProcessUse


class WatchedProcess:
    """One process, and what it had taken at each sample."""

    def __init__(self, process: Process, name: ProcessName) -> None:
        self.process = process
        self.name = name
        self.samples: list[tuple[float, Taken]] = []
        self.ended_s: float | None = None

    def look(self, now_s: float) -> None:
        """Take a sample. Once the process is gone, it stays gone."""
        if self.ended_s is not None:
            return
        taken = self.process.taken()
        if taken is None:
            self.ended_s = now_s
        else:
            self.samples.append((now_s, taken))


class WatchedProcesses:
    """The processes `roots` with their descendants, and the load generators that descend from us.

    `now_s` is any clock; `uses` is given the beginning of the load on it.

    Raises:
        NoProcessError: a root is not there.
    """

    def __init__(self, roots: Sequence[int], now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._roots = [Process(pid) for pid in roots]
        self._own = Process(os.getpid())
        self._watched: dict[int, WatchedProcess] = {}
        self.find()

    @property
    def tritons(self) -> list[list[str]]:
        """The command lines of the tritonservers among the watched processes."""
        commands = (watched.process.command for watched in self._watched.values())
        return [command for command in commands if name_process(command).name == TRITON]

    def find(self) -> None:
        """Find the processes that there are now; new ones are watched from now on."""
        for root in self._roots:
            name = name_process(root.command, root.kernel_name)
            self._watch(root.pid, name)
            for pid in root.children():
                self._watch(pid, ProcessName(f"{name.name} worker", name.role))
        for pid in self._own.children():
            self._watch(pid, None)

    def look(self) -> None:
        """Take a sample of each process."""
        now_s = self._now_s()
        for watched in self._watched.values():
            watched.look(now_s)

    def uses(self, began_s: float) -> list[ProcessUse]:
        """What each took since `began_s` on the clock.

        Processes that were gone before, or of which there is one sample only, are left out.
        """
        seen = [watched for watched in self._watched.values() if watched.samples and watched.samples[-1][0] > began_s]
        names = number_equals([watched.name for watched in seen])
        uses = [_use(watched, name, began_s) for watched, name in zip(seen, names, strict=True)]
        return sorted((use for use in uses if use.series), key=lambda use: (ROLES.index(use.role), use.name))

    def _watch(self, pid: int, otherwise: ProcessName | None) -> None:
        """Watch a process from now on.

        `otherwise` names a process whose command line says nothing, such as a forked worker; with
        None such a process is not watched.
        """
        if pid in self._watched:
            return
        try:
            process = Process(pid)
        except NoProcessError:
            return  # it ended since it was listed
        name = name_process(process.command, process.kernel_name)
        if is_helper(process.command) or (otherwise is None and name.role != "generator"):
            return
        self._watched[pid] = WatchedProcess(process, otherwise if name.role == "other" and otherwise is not None else name)


def _use(watched: WatchedProcess, name: ProcessName, began_s: float) -> ProcessUse:
    samples = space_out(watched.samples, [at_s for at_s, _ in watched.samples])
    steps = [(before, after) for before, after in pairwise(samples) if after[0] > began_s]
    series = [
        ProcessPoint(at_s - began_s, (taken.cpu_s - before.cpu_s) / (at_s - before_s), taken.memory_bytes)
        for (before_s, before), (at_s, taken) in steps
    ]
    cpu_s = steps[-1][1][1].cpu_s - steps[0][0][1].cpu_s if steps else None
    ended_s = None if watched.ended_s is None else watched.ended_s - began_s
    return ProcessUse(name.name, name.role, watched.process.pid, series, ended_s, cpu_s)
