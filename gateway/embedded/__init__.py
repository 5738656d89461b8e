"""The embedded default: a tritonserver and a Valkey as children of the gateway."""
