"""The parts of a running gateway that the routes use, made once at start-up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette

from gateway.cache.cache import Cache
from gateway.catalog.watch import CatalogWatch
from gateway.experiments.control import ControlPlane
from gateway.experiments.in_force import ExperimentsInForce
from gateway.files.watched import Watched
from gateway.http_server.drain import Drain
from gateway.lanes import Lanes
from gateway.measurement.exposures import Exposures
from gateway.measurement.outcomes import Outcomes
from gateway.request.hooks import Tap
from gateway.request.request_limits import RequestLimits
from gateway.request_life import RequestLife
from gateway.security.door import Door
from gateway.security.key_store import KeyStore
from gateway.security.sessions import Sessions
from gateway.security.unguarded import Unguarded
from gateway.state.state import State


@dataclass(slots=True)
class Stack:
    """The parts of a running gateway.

    `settings` are as `/debug/config` shows them. `runtime` holds the runtime settings; when they
    change, `request_limits` are replaced. Each of `taps` sees every prediction. `exposures` counts
    requests in their experiments, and `outcomes` what became of units, where there is state.
    `unguarded` says who may change things while authentication is off, and `sessions` are the
    logins of browsers.
    """

    settings: Mapping[str, Mapping[str, Any]]
    runtime: Watched[Any]
    door: Door
    keys: KeyStore | None
    state: State | None
    catalog: CatalogWatch
    experiments: ExperimentsInForce
    control: ControlPlane
    unguarded: Unguarded
    sessions: Sessions
    cache: Cache
    life: RequestLife
    lanes: Lanes
    request_limits: RequestLimits
    drain: Drain
    default_models: Mapping[str, str]
    taps: Sequence[Tap] = ()
    exposures: Exposures | None = None
    outcomes: Outcomes | None = None

    @property
    def ready(self) -> bool:
        """Whether the catalog is loaded and the gateway is not draining."""
        return self.catalog.loaded and not self.drain.draining


def stack_of(app: Starlette) -> Stack:
    """The stack of a running application."""
    # a look-up by attribute takes ten times as long
    stack: Stack = app.state["stack"]
    return stack
