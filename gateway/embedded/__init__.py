"""The embedded default: a tritonserver and two Valkeys as children of the gateway."""
