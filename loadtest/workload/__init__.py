"""What is sent: texts, repeats, mixes and dialects, as bytes that a seed determines. Pure."""
