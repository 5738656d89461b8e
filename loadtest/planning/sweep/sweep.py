"""A sweep from its file to what its results say together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from loadtest.planning.sweep.configuration import Configuration, configurations
from loadtest.planning.sweep.description import describe
from loadtest.planning.sweep.document import ProfileField, read_document
from loadtest.planning.sweep.findings.pricing import read_offers
from loadtest.planning.sweep.findings.summary import Definition, KeptResults, SweepSummary, summarize_sweep
from loadtest.planning.sweep.jobs import jobs, profile_key, workload_of
from loadtest.planning.sweep.measuring import Listeners, measure_configuration
from loadtest.planning.sweep.profile_result import profile_store
from loadtest.planning.sweep.profiling import Wanted, measure_profile, run_profiles
from loadtest.planning.sweep.run import Run, run_store
from loadtest.planning.sweep.stack.packaged import file_digest, read_model
from loadtest.planning.sweep.store import Store
from loadtest.planning.sweep.sweeper import Standing, run_jobs
from loadtest.results.progress import Progress
from loadtest.slo import Slo
from loadtest.workload.corpus import read_corpus

UNFINISHED = ("pending", "partial")
Write = Callable[[SweepSummary], None]
"""Writes what a sweep found until now."""


class Audience(Protocol):
    """Those who follow how a sweep goes on."""

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

    definition: Definition
    corpus: Sequence[str]
    corpus_digest: str
    folder: Path

    @classmethod
    def read(cls, path: Path, folder: Path, command: str) -> Self:
        """The sweep that a file describes; `command` is the command line as typed.

        Raises:
            SweepError: the file, or a file that it names, cannot be read, or is wrong; the message
                names it.
            CorpusError: the corpus cannot be read, or is wrong.
        """
        document = read_document(path)
        found = configurations(document)
        packaged = read_model(Path(document.repository), document.model)
        for configuration in found:
            workload_of(document, configuration.knobs, configuration.name)
        corpus, corpus_digest = read_corpus(Path(document.corpus)), file_digest(Path(document.corpus))
        todo = jobs(document, found, packaged, corpus_digest)
        return cls(Definition(document, todo, packaged, read_offers(document.prices), command), corpus, corpus_digest, folder)

    @property
    def runs(self) -> Store[Run]:
        """The results of the jobs."""
        return run_store(self.folder)

    def measure(self, audience: Audience, write: Write, most: int | None = None) -> None:
        """Measure the jobs that are not finished, at most `most` of them.

        Once all are finished, the capacity profiles that the file asks for are measured. Each
        result is kept as its measurement ends, and what all of them say together is written.
        KeyboardInterrupt passes through; what is finished stays.
        """
        definition = self.definition
        listeners = Listeners(audience.on_words, audience.on_load, audience.on_progress)

        def on_end(run: Run, elapsed_s: float) -> None:
            audience.on_end(run, elapsed_s)
            write(self.summarize())

        run_jobs(
            definition.jobs,
            self.runs,
            lambda job: measure_configuration(job, definition.document, definition.packaged, self.corpus, definition.command, listeners),
            lambda job: describe(job.configuration, definition.document.model, definition.packaged),
            most=most,
            on_job=audience.on_job,
            on_end=on_end,
        )
        if definition.document.profile is not None:
            self._profile(definition.document.profile, audience, write, listeners)

    def summarize(self, slo: Slo | None = None, *, interrupted: bool = False) -> SweepSummary:
        """Say what the results that there are show for an SLO (None: that of the file)."""
        runs, profiles, names = self.runs, profile_store(self.folder), self.definition.configurations
        kept = KeptResults(
            runs={job.key: run for job in self.definition.jobs if (run := runs.read(job.key)) is not None},
            profiles={name: found for name, one in names.items() if (found := profiles.read(self._profile_key(one))) is not None},
        )
        return summarize_sweep(self.definition, kept, slo or self.definition.document.objectives, interrupted=interrupted)

    def _profile(self, profile: ProfileField, audience: Audience, write: Write, listeners: Listeners) -> None:
        definition, sweep = self.definition, self.summarize()
        write(sweep)
        if any(entry.state in UNFINISHED for entry in sweep.entries):
            return
        chosen = [definition.configurations[name] for name in sweep.best.values()]
        run_profiles(
            [Wanted(configuration, self._profile_key(configuration), profile.seconds) for configuration in chosen],
            profile_store(self.folder),
            lambda wanted: measure_profile(wanted, definition.document, definition.packaged, self.corpus, definition.command, listeners),
            on_profile=audience.on_profile,
        )

    def _profile_key(self, configuration: Configuration) -> str:
        return profile_key(self.definition.document, configuration, self.definition.packaged, self.corpus_digest)
