"""Admission: how much work may wait for a version, for how long, and which requests are refused.

`aimd`, `service_times` and `retry_after` are pure rules; `admission_queue` applies them.
"""
