"""Settings of the libraries that are read when they are first imported."""

import os


def quieten() -> None:
    """Let the libraries read local files only and keep quiet about what a user cannot act on; what the environment says goes first."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
