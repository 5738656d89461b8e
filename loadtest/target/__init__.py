"""The gateway under load: a client of it, its readiness, and one started for the purpose."""
