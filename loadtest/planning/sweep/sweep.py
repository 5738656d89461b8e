"""A sweep from its file to what its results say together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from loadtest.generator.measure import Progress
from loadtest.planning.sweep.configuration import Configuration, configurations
from loadtest.planning.sweep.description import describe
from loadtest.planning.sweep.document import ProfileField, read_document
from loadtest.planning.sweep.findings.pricing import read_offers
from loadtest.planning.sweep.findings.summary import Asked, Kept, SweepSummary, summarize_sweep
from loadtest.planning.sweep.jobs import jobs, profile_key, workload_of
from loadtest.planning.sweep.measuring import Listeners, measure_configuration
from loadtest.planning.sweep.profile_result import profile_store
from loadtest.planning.sweep.profiling import Wanted, measure_profile, run_profiles
from loadtest.planning.sweep.run import Run, run_store
from loadtest.planning.sweep.stack.packaged import file_digest, read_model
from loadtest.planning.sweep.store import Store
from loadtest.planning.sweep.sweeper import Standing, run_jobs
from loadtest.slo import Slo
from loadtest.workload.corpus import read_corpus

UNFINISHED = ("pending", "partial")
Write = Callable[[SweepSummary], None]
"""Writes what a sweep found until now."""


class Audience(Protocol):
    """Who is told how a sweep goes on."""

    def on_job(self, standing: Standing) -> None:
        """A configuration begins."""

    def on_profile(self, name: str) -> None:
        """A capacity profile begins."""

    def on_words(self, words: str) -> None:
        """The stack that starts has said something."""

    def on_load(self, load: str) -> None:
        """A load begins."""

    def on_progress(self, progress: Progress) -> None:
        """A load goes on."""

    def on_end(self, run: Run, elapsed_s: float) -> None:
        """A configuration ended."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What is swept, and the folder of its results."""

    asked: Asked
    corpus: Sequence[str]
    corpus_digest: str
    folder: Path

    @classmethod
    def read(cls, path: Path, folder: Path, command: str) -> Self:
        """The sweep that a file describes; `command` is the command line as typed.

        Raises:
            SweepError: the file, or a file that it names, cannot be read, or is wrong; the message names it.
            CorpusError: so is the corpus.
        """
        document = read_document(path)
        found = configurations(document)
        packaged = read_model(Path(document.repository), document.model)
        for configuration in found:
            workload_of(document, configuration.knobs, configuration.name)
        corpus, corpus_digest = read_corpus(Path(document.corpus)), file_digest(Path(document.corpus))
        todo = jobs(document, found, packaged, corpus_digest)
        return cls(Asked(document, todo, packaged, read_offers(document.prices), command), corpus, corpus_digest, folder)

    @property
    def runs(self) -> Store[Run]:
        """The results of the jobs."""
        return run_store(self.folder)

    def measure(self, told: Audience, write: Write, most: int | None = None) -> None:
        """Measure the jobs that are not finished, at most `most` of them.

        Once all are finished, the capacity profiles that the file asks for are measured. Each result
        is kept as its measurement ends, and what all of them say together is written.
        KeyboardInterrupt passes through; what is finished stays.
        """
        asked = self.asked
        listeners = Listeners(told.on_words, told.on_load, told.on_progress)

        def on_end(run: Run, elapsed_s: float) -> None:
            told.on_end(run, elapsed_s)
            write(self.found())

        run_jobs(
            asked.jobs,
            self.runs,
            lambda job: measure_configuration(job, asked.document, asked.packaged, self.corpus, asked.command, listeners),
            lambda job: describe(job.configuration, asked.document.model, asked.packaged),
            most=most,
            on_job=told.on_job,
            on_end=on_end,
        )
        if asked.document.profile is not None:
            self._profile(asked.document.profile, told, write, listeners)

    def found(self, slo: Slo | None = None, *, interrupted: bool = False) -> SweepSummary:
        """What the results that there are say for an SLO (None: that of the file)."""
        runs, profiles, names = self.runs, profile_store(self.folder), self.asked.configurations
        kept = Kept(
            runs={job.key: run for job in self.asked.jobs if (run := runs.read(job.key)) is not None},
            profiles={name: found for name, one in names.items() if (found := profiles.read(self._profile_key(one))) is not None},
        )
        return summarize_sweep(self.asked, kept, slo or self.asked.document.objectives, interrupted=interrupted)

    def _profile(self, profile: ProfileField, told: Audience, write: Write, listeners: Listeners) -> None:
        asked, sweep = self.asked, self.found()
        write(sweep)
        if any(entry.state in UNFINISHED for entry in sweep.entries):
            return
        chosen = [asked.configurations[name] for name in sweep.best.values()]
        run_profiles(
            [Wanted(configuration, self._profile_key(configuration), profile.seconds) for configuration in chosen],
            profile_store(self.folder),
            lambda wanted: measure_profile(wanted, asked.document, asked.packaged, self.corpus, asked.command, listeners),
            on_profile=told.on_profile,
        )

    def _profile_key(self, configuration: Configuration) -> str:
        return profile_key(self.asked.document, configuration, self.asked.packaged, self.corpus_digest)
