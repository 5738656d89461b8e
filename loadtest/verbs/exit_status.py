"""The exit statuses of the commands."""

DONE, FAILED, INTERRUPTED = 0, 1, 130
