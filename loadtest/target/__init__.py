"""What is loaded: its readiness, a client of it, and a gateway started for the purpose."""
