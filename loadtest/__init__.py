"""Load tests over HTTP: the latency, throughput, hit rate and cost of a gateway at a given load."""
