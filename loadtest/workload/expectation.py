"""The hit rate that a workload leads one to expect."""

from itertools import islice

from loadtest.arrivals.recorded import read_trace
from loadtest.workload.workload import Workload
from loadtest.workload.zipf import ZipfRanks, expected_repeats


def expected_hit_rate(workload: Workload, requests: int) -> float:
    """The share of texts that a cache which keeps everything answers, over `requests` requests.

    Texts are taken as drawn independently. By Zipf's law the share grows with the requests, since
    the cache is cold at the beginning; several versions of a model lower it, since each has cache
    entries of its own. For a trace it is the share that was recorded of its first `requests`, those
    that were replayed.
    """
    rows = [] if workload.trace is None else list(islice(read_trace(workload.trace), requests))
    if rows and workload.zipf is None:
        return sum(row.hits for row in rows) / max(sum(row.texts for row in rows), 1)
    if workload.zipf is None:
        return workload.repeat
    texts = sum(row.texts for row in rows) or max(requests, 1) * workload.mean_batch_size
    return expected_repeats(ZipfRanks(workload.zipf.exponent, workload.zipf.texts).probabilities, texts)
