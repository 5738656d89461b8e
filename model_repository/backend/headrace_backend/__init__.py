"""What the Triton backend does with a batch of texts: tokenize, plan, run, post-process. Needs numpy, onnxruntime and tokenizers only."""
