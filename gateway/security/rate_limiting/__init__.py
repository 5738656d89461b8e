"""Rates and quotas of keys and tenants. Begin with `rate_limiter.py`."""
