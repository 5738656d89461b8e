"""`--slo` on a command line."""

import argparse

from loadtest.slo import Slo, SloError, parse_slo


def slo_argument(text: str) -> Slo:
    """The SLO that a flag spells.

    Raises:
        argparse.ArgumentTypeError: the text is no SLO; the message is a sentence for the user.
    """
    try:
        return parse_slo(text)
    except SloError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc
