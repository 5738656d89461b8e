"""Open Inference Protocol v2, as Triton speaks it: tensors → items; rows → tensors.

REST and gRPC are thin layers over it.
"""
