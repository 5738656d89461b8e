"""The servers that a load test knows: Headrace, or another one that speaks one of the dialects."""

DETECT, HEADRACE, OTHER = "detect", "headrace", "other"
SERVERS = (DETECT, HEADRACE, OTHER)
"""`detect`: it is asked what it is. Of another server, only its answers are known."""
NOT_HEADRACE = "The server is not Headrace: versions, cache and its metrics are not known and not reported"
