"""What can be wrong with a sweep."""


class SweepError(ValueError):
    """A sweep that cannot be run as asked; the message is one sentence for the user."""
