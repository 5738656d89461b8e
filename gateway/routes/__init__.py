"""HTTP routes; with `app`, the only place that knows FastAPI."""

from gateway.routes.path_parameters import register

register()
