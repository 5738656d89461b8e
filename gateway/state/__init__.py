"""State in Redis or Valkey: what must not be lost, and what is counted."""
