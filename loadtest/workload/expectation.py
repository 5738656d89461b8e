"""The hit rate that a workload leads one to expect."""

from loadtest.arrivals.recorded import read_trace
from loadtest.workload.workload import Workload
from loadtest.workload.zipf import ZipfRanks, expected_repeats


def expected_hit_rate(workload: Workload, requests: int) -> float:
    """The share of texts that a cache which keeps everything answers, over `requests` requests (texts are drawn independently).

    By Zipf's law it grows with the requests, since the cache is cold at the beginning; several versions of a model, each with entries of
    its own, lower it. For a trace it is what was recorded.
    """
    if workload.trace is not None and workload.zipf is None:
        rows = list(read_trace(workload.trace))
        return sum(row.hits for row in rows) / max(sum(row.texts for row in rows), 1)
    if workload.zipf is None:
        return workload.repeat
    texts = max(requests, 1) * workload.mean_batch_size
    return expected_repeats(ZipfRanks(workload.zipf.exponent, workload.zipf.texts).probabilities, texts)
