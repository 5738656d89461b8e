"""HTTP routes; with `app`, the only place that knows FastAPI."""

from gateway.routes.model_name import register

register()
