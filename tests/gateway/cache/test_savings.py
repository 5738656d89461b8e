import pytest
from prometheus_client import REGISTRY

from gateway.cache.savings import RECENT_CALLS, Savings


def counted(name, model):
    return REGISTRY.get_sample_value(name, {"model": model, "version": "1"}) or 0.0


def test_saved_seconds_and_money_follow_the_formula():
    savings = Savings("formula", 1, 2, price_usd_per_hour=3.6)
    savings.hit(4)
    savings.flush()
    assert counted("headrace_cache_saved_seconds_total", "formula") == 0, "nothing was measured yet"
    savings.measure(0.010)
    savings.measure(0.020)
    savings.hit(6)
    savings.flush()
    savings.flush()
    assert counted("headrace_cache_saved_seconds_total", "formula") == pytest.approx(10 * 0.015)
    assert counted("headrace_cache_saved_usd_total", "formula") == pytest.approx(10 * 0.015 * 3.6 / 3600)


def test_without_a_price_no_money_is_counted():
    savings = Savings("priceless", 1, 1, None)
    savings.measure(1.0)
    savings.hit(1)
    savings.flush()
    assert counted("headrace_cache_saved_usd_total", "priceless") == 0


def test_mean_follows_recent_calls():
    savings = Savings("recent", 1, 1, None)
    for _ in range(1000):
        savings.measure(1.0)
    for _ in range(10 * RECENT_CALLS):
        savings.measure(2.0)
    assert savings.item_s == pytest.approx(2.0, abs=1e-3)


def test_failed_call_does_not_count():
    savings = Savings("failed", 1, 1, None)
    with pytest.raises(ValueError, match="failed"), savings.call(1):
        raise ValueError("failed")
    assert savings.item_s is None
    with savings.call(1):
        pass
    assert savings.item_s < 1
