"""Where the platform hooks into requests: at the end of each, and behind each prediction.

A hook is called on the request's way. It returns at once, awaits nothing, and keeps what it takes
in bounded memory, from which something else carries it on. One that raises is logged, and changes
nothing for the request or for the other hooks.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from starlette.types import Scope

from gateway.request.context import RequestContext
from gateway.request.placement import Placement
from gateway.request.prediction import Item, Prediction

End = Callable[[RequestContext, Scope, int], None]
"""Called once with each request that ends, whichever way, and its status; 499 where the client has
left.
"""


class Answered(NamedTuple):
    """A prediction, what it was asked for, and where the request was placed; `ctx` is the
    request's.

    Of a stream each part is one. The cache may have answered, wholly or in part.
    """

    ctx: RequestContext
    placement: Placement
    items: Sequence[Item]
    prediction: Prediction


class Tap(Protocol):
    """Sees every prediction, behind the answer's making and before its sending."""

    def take(self, answered: Answered) -> None:
        """Look at a prediction, which nobody changes any more."""
