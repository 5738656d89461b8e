from math import inf

import pytest

from gateway.request.cache_control import NONE, Directives, parse


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", NONE),
        ("no-cache", Directives(look_up=False)),
        ("no-store", Directives(look_up=False, store=False)),
        ("No-Cache , MAX-AGE=5", Directives(look_up=False, max_age_s=5)),
        ("only-if-cached, max-stale", Directives(only_if_cached=True, max_stale_s=inf)),
        ('max-age="60", min-fresh=3', Directives(max_age_s=60, min_fresh_s=3)),
        ("max-stale=30, stale-if-error=0", Directives(max_stale_s=30, stale_if_error_s=0)),
        ("max-age=soon", Directives(max_age_s=0)),
        ("max-age=-1", Directives(max_age_s=0)),
        ("max-age", Directives(max_age_s=0)),
        ("no-transform, x=1,,", NONE),
    ],
)
def test_directives_are_read_and_unknown_ones_ignored(header, expected):
    assert parse(header) == expected
