"""The errors that a user can act on; the command line prints them and exits with their code."""


class ExportError(Exception):
    """A step or a check failed; the message names the number, its bound, and where that is set."""

    exit_code = 1


class RecipeError(ExportError):
    """A recipe, or a file that it names, cannot be used; the message names file, field, remedy."""

    exit_code = 2


class TableError(ValueError):
    """A file or folder cannot be read as a table; the message names file, line or row, and column.

    It names no field: the caller adds the recipe's field or the option.
    """


def first_line(exc: BaseException) -> str:
    """The first line of what a library says; its type where it says nothing."""
    return (str(exc).splitlines() or [repr(exc)])[0]
