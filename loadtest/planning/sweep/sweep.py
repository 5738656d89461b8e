"""A sweep from its file to what it leaves in its folder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from loadtest.generator.measure import Progress
from loadtest.planning.sweep.configuration import Configuration, configurations
from loadtest.planning.sweep.document import Document, ProfileField, read_document
from loadtest.planning.sweep.findings.pricing import Offer, read_offers
from loadtest.planning.sweep.findings.summary import summarize_sweep
from loadtest.planning.sweep.jobs import Job, described, jobs, profile_key, workload_of
from loadtest.planning.sweep.measuring import Listeners, measure_configuration
from loadtest.planning.sweep.profiling import Wanted, measure_profile, run_profiles
from loadtest.planning.sweep.stack.packaged import PackagedModel, file_digest, read_model
from loadtest.planning.sweep.store import Store, profile_store
from loadtest.planning.sweep.sweeper import Standing, run_jobs
from loadtest.slo import Slo
from loadtest.workload.corpus import read_corpus

UNFINISHED = ("pending", "partial")
Write = Callable[[Mapping[str, Any]], None]
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

    def on_end(self, job: Job, run: dict[str, Any], elapsed_s: float) -> None:
        """A configuration ended."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What is swept, and the folder of its results; `command` is the command line as typed."""

    document: Document
    configurations: Mapping[str, Configuration]
    packaged: PackagedModel
    corpus: Sequence[str]
    corpus_digest: str
    jobs: Sequence[Job]
    offers: Sequence[Offer]
    folder: Path
    command: str

    @classmethod
    def read(cls, path: Path, folder: Path, command: str) -> Self:
        """The sweep that a file describes.

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
        by_name = {configuration.name: configuration for configuration in found}
        return cls(document, by_name, packaged, corpus, corpus_digest, todo, read_offers(document.prices), folder, command)

    @property
    def runs(self) -> Store:
        """The results of the jobs."""
        return Store(self.folder)

    def measure(self, told: Audience, write: Write, most: int | None = None) -> None:
        """Measure the jobs that are not finished, `most` of them, and once all are, the capacity profiles that the file asks for.

        Each result is kept as its job ends, and what all of them say together is written. KeyboardInterrupt passes through; what is
        finished stays.
        """
        listeners = Listeners(told.on_words, told.on_load, told.on_progress)

        def on_end(job: Job, run: dict[str, Any], elapsed_s: float) -> None:
            told.on_end(job, run, elapsed_s)
            write(self.found())

        run_jobs(
            self.jobs,
            self.runs,
            lambda job: measure_configuration(job, self.document, self.packaged, self.corpus, self.command, listeners),
            lambda job: described(job, self.document, self.packaged),
            most=most,
            on_job=told.on_job,
            on_end=on_end,
        )
        if self.document.profile is not None:
            self._profile(self.document.profile, told, write, listeners)

    def found(self, slo: Slo | None = None, *, interrupted: bool = False) -> dict[str, Any]:
        """What the results that there are say for an SLO (None: that of the file), as the values of sweep.json."""
        runs, profiles = self.runs, profile_store(self.folder)
        return summarize_sweep(
            self.document,
            self.jobs,
            {job.key: run for job in self.jobs if (run := runs.read(job.key)) is not None},
            self.packaged,
            self.offers,
            slo or self.document.objectives,
            self.command,
            profiles={name: found for name in self.configurations if (found := profiles.read(self._profile_key(name))) is not None},
            interrupted=interrupted,
        )

    def _profile(self, profile: ProfileField, told: Audience, write: Write, listeners: Listeners) -> None:
        sweep = self.found()
        write(sweep)
        if any(one["state"] in UNFINISHED for one in sweep["configurations"]):
            return
        run_profiles(
            [Wanted(self.configurations[name], self._profile_key(name), profile.seconds) for name in sweep["best"].values()],
            profile_store(self.folder),
            lambda wanted: measure_profile(wanted, self.document, self.packaged, self.corpus, self.command, listeners),
            on_profile=told.on_profile,
        )

    def _profile_key(self, name: str) -> str:
        return profile_key(self.document, self.configurations[name], self.packaged, self.corpus_digest)
