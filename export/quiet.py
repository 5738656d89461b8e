"""Settings of the libraries that are read when they are first imported."""

import os


def quieten() -> None:
    """Let the libraries read local files only, and print nothing that a user cannot act on.

    Variables that are set in the environment stay as they are.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
