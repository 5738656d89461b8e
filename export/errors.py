"""The errors that a user can act on; the command line prints their one sentence and leaves with their exit code."""


class ExportError(Exception):
    """A step or a check failed; the message names the number, its bound, and where the bound is set."""

    exit_code = 1


def first_line(exc: BaseException) -> str:
    """What a library says, without what follows on further lines; its type where it says nothing."""
    return (str(exc).splitlines() or [repr(exc)])[0]


class RecipeError(ExportError):
    """A recipe, or a file that it names, cannot be used; the message names file, field and what to change."""

    exit_code = 2
