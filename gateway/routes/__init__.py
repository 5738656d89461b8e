"""HTTP routes; with `app`, the only place that knows FastAPI."""
