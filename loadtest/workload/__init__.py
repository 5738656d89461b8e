"""What is sent: texts, repeats, mixes and dialects, all determined by a seed. Pure."""
