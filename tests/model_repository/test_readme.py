"""The block of model_repository/README.md."""

import re

from headrace_backend import metrics
from pages import blocks

[QUERIES] = blocks("model_repository/README.md", "promql")
KEYWORDS = {"sum", "by", "rate", "model", "version"}


def test_each_metric_of_the_queries_is_one_of_the_backend():
    names = set(re.findall(r"[a-z_]+", re.sub(r"#.*|\[5m\]", "", QUERIES))) - KEYWORDS
    assert names
    assert names <= {metrics.PREFIX + name for name in (*metrics._PLAIN, metrics.SUB_BATCHES)}
    assert QUERIES.count("(") == QUERIES.count(")")
