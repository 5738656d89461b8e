"""Several Tritons as one: who they are, which of them is asked, and what is done when one fails.

The rules (`breaker`, `outliers`, `retry_budget`, `latencies`, `choice`) are pure, with the clock passed in; `pool` does the I/O,
`discovery` the DNS. gRPC's own resolver asks DNS again only when a connection fails, so it does not see a Service that grows.
"""
