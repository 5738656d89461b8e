"""What the evaluator of experiments computes beside the request path."""
