"""The exit statuses of the commands.

`UNKNOWN`: what was asked for CI cannot be told, for instance since the machine was busy.
"""

DONE, FAILED, UNKNOWN, INTERRUPTED = 0, 1, 3, 130
SLO_STATUSES = {"held": DONE, "missed": FAILED, "unknown": UNKNOWN}
