"""Offline: checkpoint → ONNX → quantized → checked → packaged version."""
