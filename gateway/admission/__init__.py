"""What may wait for a version, for how long, and who is turned away: pure rules, and the queue that applies them."""
