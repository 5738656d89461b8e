"""What the backend counts of its sub-batches; Triton shows it among its own metrics.

| metric | what it counts |
| --- | --- |
| `headrace_backend_texts_total` | texts (or pairs), with the one of each instance's warm-up |
| `headrace_backend_sub_batches_total` | sub-batches; the label `rows` is 1, 2, 3-4, 5-8, … |
| `headrace_backend_rows_total` | rows of the sub-batches: one for each window of a text |
| `headrace_backend_tokens_total` | tokens of those rows |
| `headrace_backend_padding_tokens_total` | tokens that make the rows of a sub-batch equally long |
| `headrace_backend_predicted_seconds_total` | seconds that sub-batches were predicted to take |
| `headrace_backend_run_seconds_total` | seconds that they took, by the wall clock |

All have the labels `model` and `version`, and count all instances of a version. Run over predicted
seconds is 1 where the plan fits its device; on a CPU the prediction is for an undisturbed core, so
more than 1 also shows cores that are shared with others. The counts of a version continue when it
is loaded again. When it is unloaded, they stay as they are, beside those of its successors.
"""

import ctypes
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

INTERVAL_S = 1.0
"""How often the counts go to Triton.

Handing over one number takes about 20 µs, too much for each sub-batch.
"""

PREFIX = "headrace_backend_"
SUB_BATCHES = "sub_batches_total"
_PLAIN = {
    "texts_total": "Texts that came in.",
    "rows_total": "Rows of the sub-batches.",
    "tokens_total": "Tokens of the rows.",
    "padding_tokens_total": "Tokens added to make the rows of a sub-batch equally long.",
    "predicted_seconds_total": "Seconds that sub-batches were predicted to take.",
    "run_seconds_total": "Seconds that sub-batches took.",
}


class SubBatch(NamedTuple):
    """One run of the graph."""

    rows: int
    tokens: int
    longest: int
    predicted_s: float
    run_s: float


class Counts:
    """Sums since they were last taken; one thread adds, another takes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: defaultdict[tuple[str, str], float] = defaultdict(float)

    def add_texts(self, texts: int) -> None:
        """Texts came in."""
        with self._lock:
            self._sums["texts_total", ""] += texts

    def add(self, run: SubBatch) -> None:
        """A sub-batch was run."""
        with self._lock:
            sums = self._sums
            sums[SUB_BATCHES, size_class(run.rows)] += 1
            sums["rows_total", ""] += run.rows
            sums["tokens_total", ""] += run.tokens
            sums["padding_tokens_total", ""] += run.rows * run.longest - run.tokens
            sums["predicted_seconds_total", ""] += run.predicted_s
            sums["run_seconds_total", ""] += run.run_s

    def take(self) -> Mapping[tuple[str, str], float]:
        """What was added since the last call, by metric and size class ("" for no class)."""
        with self._lock:
            taken, self._sums = self._sums, defaultdict(float)
        return taken


def size_class(rows: int) -> str:
    """The range of sizes that a sub-batch belongs to: 1, 2, 3-4, 5-8, …

    Each range is twice as wide as the one before.
    """
    last = 1 << (rows - 1).bit_length()
    return str(last) if last <= 2 else f"{last // 2 + 1}-{last}"


class Reporter:
    """Hands counts to Triton every `INTERVAL_S`, in a thread of its own, until it is closed."""

    def __init__(self, counts: Counts, family: Callable[[str, str], Any], labels: Mapping[str, str], max_rows: int) -> None:
        """Make the metrics of one version.

        `family(name, description)` makes a family of Triton's counters.
        """
        self._counts = counts
        self._metrics = {}
        for name, description in _PLAIN.items():
            self._metrics[name, ""] = _metric(family(PREFIX + name, description), labels)
        sub_batches = family(PREFIX + SUB_BATCHES, "Sub-batches run, by their rows.")
        for size in dict.fromkeys(size_class(rows) for rows in range(1, max_rows + 1)):
            self._metrics[SUB_BATCHES, size] = _metric(sub_batches, {**labels, "rows": size})
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._report, name="headrace-metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hand over what is left."""
        self._ends.set()
        self._thread.join()

    def _report(self) -> None:
        ended = False
        while not ended:
            ended = self._ends.wait(INTERVAL_S)
            for key, value in self._counts.take().items():
                self._metrics[key].increment(value)


def _metric(family: Any, labels: Mapping[str, str]) -> Any:
    metric = family.Metric(labels=dict(labels))
    # metrics with equal labels are one in Triton, which does not count how many processes use it:
    # the first to release it would free it for all, so none ever does, not even at exit
    for kept in (family, metric):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))
    return metric
