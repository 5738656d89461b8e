"""The demo on the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from loadtest.demo.caching import Twice
from loadtest.demo.findings import users
from loadtest.demo.outcomes import Known
from loadtest.demo.packaged import Packaged
from loadtest.demo.predictions import Predicted
from loadtest.demo.splitting import Split
from loadtest.report.run_charts import group_name
from loadtest.results.figures import milliseconds, plural
from loadtest.results.results import Results
from loadtest.results.verdict import cautions

EXCERPT_CHARS = 26
BYTES_PER_MB = 1e6


def show_predictions(console: Console, predictions: Sequence[Predicted]) -> None:
    """A row for each text: the truth, and the label and score of each version."""
    table = _table(console, "Predictions: the same texts for a unit of each variant")
    table.add_column("text")
    table.add_column("truth", no_wrap=True)
    for answer in predictions[0].answers:
        table.add_column(escape(f"version {answer.version}\n({answer.variant})"), no_wrap=True)
    for predicted in predictions:
        truth = predicted.example.label
        answers = [_colored(f"{answer.label} {answer.score:.3f}", answer.label == truth) for answer in predicted.answers]
        table.add_row(escape(f"{predicted.example.text[:EXCERPT_CHARS]}…"), escape(truth), *answers)
    console.print(table)


def show_twice(console: Console, twice: Twice) -> None:
    """A row for the first answer, and one for the second."""
    table = _table(console, f"Cache: {plural(twice.texts, 'text')} asked twice")
    for name in ("", "X-Cache", "median latency"):
        table.add_column(name, justify="left" if name != "median latency" else "right")
    table.add_row("first time", twice.first_cache, milliseconds(twice.first_ms))
    table.add_row("second time", _colored(twice.second_cache, right=True), milliseconds(twice.second_ms))
    console.print(table)


def show_split(console: Console, split: Split) -> None:
    """A row for each variant: weight and units."""
    plausible = f"chi-square p = {split.p_value:.2f}" if split.p_value >= 0.01 else f"chi-square p = {split.p_value:.2g}"
    table = _table(console, f"Experiment {split.experiment}: {plural(split.units, 'unit')} against the weights ({plausible})")
    for name in ("variant", "version", "weight", "units", "share"):
        table.add_column(name, justify="left" if name == "variant" else "right")
    for arm in split.arms:
        table.add_row(arm.name, str(arm.version), f"{arm.weight:.1%}", f"{arm.units:,}", f"{arm.units / split.units:.1%}")
    console.print(table)


def show_known(console: Console, known: Known) -> None:
    """What the gateway knows of the versions now."""
    console.print(f"  {escape(known.sentence)}\n  {escape(str(known.page))}", soft_wrap=True)


def show_load(console: Console, load: Results) -> None:
    """Throughput, and a row of percentiles for all and for each version."""
    title = f"Load: {plural(users(load), 'user')}, closed loop, {load.elapsed_s:.1f} s: {load.throughput.answered_rps:,.0f} requests/s"
    table = _table(console, f"{title}, {load.requests.failed:,} of {load.requests.ended:,} failed")
    for name in ("answered by", "requests", "hits", "p50", "p95", "p99"):
        table.add_column(name, justify="left" if name == "answered by" else "right")
    rows = [("all", load.requests.answered, load.hits.rate, load.latency.summary_ms)]
    rows += [(group_name(group), group.requests, group.cache_hit_rate, group.latency_ms) for group in load.groups]
    for name, requests, hit_rate, latency in rows:
        figures = [milliseconds(latency[point]) if latency else "–" for point in ("p50", "p95", "p99")]
        table.add_row(name, f"{requests:,}", "–" if hit_rate is None else f"{hit_rate:.1%}", *figures)
    console.print(table)
    for caution in cautions(load):
        console.print(f"[yellow]{escape(caution)}[/]")


def show_packaged(console: Console, packaged: Sequence[Packaged]) -> None:
    """Two rows for each version: fp32 and packaged."""
    examples = max(version.examples for version in packaged)
    table = _table(console, f"Packaged against fp32 (quality on {plural(examples, 'text')}; speed of one thread, without tokenizing)")
    for name in ("version", "precision", "size", packaged[0].metric, "texts/s"):
        table.add_column(name, justify="left" if name == "precision" else "right")
    for version in packaged:
        table.add_row(
            str(version.version), "fp32", _mb(version.fp32_bytes), _quality(version.fp32_quality), _speed(version.fp32_texts_per_s)
        )
        row = (_mb(version.packaged_bytes), _quality(version.packaged_quality), _speed(version.packaged_texts_per_s))
        table.add_row("", version.precision, *row, end_section=True)
    console.print(table)


def _table(console: Console, title: str) -> Table:
    console.print(f"\n[bold]{escape(title)}[/]")
    return Table()


def _colored(text: str, right: bool) -> str:
    return f"[{'green' if right else 'red'}]{escape(text)}[/]"


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / BYTES_PER_MB:.1f} MB"


def _quality(value: float | None) -> str:
    return "–" if value is None else f"{value:.2%}"


def _speed(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"
