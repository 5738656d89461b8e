"""The Open Inference Protocol over gRPC: the server side of `tritonclient`'s messages."""
