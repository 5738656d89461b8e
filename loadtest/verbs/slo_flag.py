"""`--slo` on a command line."""

import argparse

from loadtest.slo import Slo, SloError, parse_slo


def slo_argument(text: str) -> Slo:
    """The SLO; a sentence for argparse where it is none."""
    try:
        return parse_slo(text)
    except SloError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc
