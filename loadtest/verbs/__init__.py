"""The subcommands of `python -m loadtest`, one a file."""
