"""Why the gateway does not speak some parts of the protocol, over REST and gRPC alike."""

SHARED_MEMORY = "shared memory is not supported: send tensors with the request"
MODEL_CONTROL = "models are not loaded and unloaded here: promote, retire or load them where they are packaged"
STATISTICS = "statistics are not given in this form: see /metrics"
TRACES = "Triton's own traces are not set through the gateway"
LOG = "Triton's log is not set through the gateway"
