"""What a request wants done with texts that are too long, held against what the model did. Pure.

A model cuts a text at its end, after as many tokens as it reads. Whether another wish would have
changed the answer is known once the tokens are counted: a wish that changes nothing is obeyed, any
other is refused.
"""

from gateway.errors import InvalidRequest, TooLarge
from gateway.request.prediction import Prediction
from gateway.request.row import cut_at, tokens_of


def require_whole(prediction: Prediction, remedy: str) -> None:
    """Require that no text was cut.

    Raises:
        TooLarge: names the first that was; `remedy` is what to do beside sending a shorter one.
    """
    if cut := prediction.truncated():
        at, tokens = cut[0]
        raise TooLarge(
            f"input {at} has {tokens} tokens, and the model reads {cut_at(prediction.manifest)}; send a shorter text or {remedy}"
        )


def require_end_cut(prediction: Prediction, field: str, without: str) -> None:
    """Require that no text was cut at its end, which the request's `field` wants to keep.

    Raises:
        InvalidRequest: names the first that was; `without` says how to allow the cut.
    """
    if cut := prediction.truncated():
        at, tokens = cut[0]
        limit = cut_at(prediction.manifest)
        sentence = f"input {at} has {tokens} tokens, and this model keeps the first {limit}; {without}, or send a shorter text"
        raise InvalidRequest.of_field(field, sentence)


def require_uncut_by(prediction: Prediction, field: str, most: int | None) -> None:
    """Require that cutting texts after `most` tokens would not have changed the answer.

    None stands for any number. A text of no more tokens stays as it is, and one that the model
    itself cuts earlier stays as the model cuts it.

    Raises:
        InvalidRequest: names the first text that would have been cut.
    """
    limit = cut_at(prediction.manifest)
    if most is None or (limit is not None and limit <= most):
        return
    for at, row in enumerate(prediction.rows):
        if (tokens := tokens_of(row)) > most:
            reads = "reads long texts whole" if limit is None else f"cuts texts after {limit} tokens"
            raise InvalidRequest.of_field(
                field, f"input {at} has {tokens} tokens, and this model {reads}; leave it out, or send a shorter text"
            )


def require_one_window(prediction: Prediction, field: str, most: int) -> None:
    """Require that each text fits into one window of the model and of `most` tokens.

    How windows overlap and how long they are then changes nothing.

    Raises:
        InvalidRequest: names the first text that does not.
    """
    most = min(most, prediction.manifest.max_length)
    for at, row in enumerate(prediction.rows):
        if (tokens := tokens_of(row)) > most:
            sentence = f"input {at} has {tokens} tokens, and the model alone says how windows are cut; leave it out"
            raise InvalidRequest.of_field(field, sentence)
