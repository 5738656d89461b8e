"""Several Tritons as one: where they are, which of them gets a call, and what happens if one fails.

The rules (`breaker`, `outliers`, `outcome`, `retry_budget`, `latencies`, `choice`) are pure, with
the clock passed in; `pool` does the I/O, `discovery` the DNS. gRPC's own resolver is not used: it
queries DNS again only when a connection fails, so it does not see a Service that grows.
"""
