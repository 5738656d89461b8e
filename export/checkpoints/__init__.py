"""Checkpoints: found, loaded, adapters merged, tokenizers packaged."""
