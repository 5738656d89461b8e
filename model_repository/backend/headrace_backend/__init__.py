"""What the Triton backend does with a batch of texts: tokenize, plan, run, post-process.

It needs numpy, onnxruntime and tokenizers only.
"""
