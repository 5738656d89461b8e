"""Load tests over HTTP: what latency, throughput, hit rate and cost a gateway shows at a given load."""
