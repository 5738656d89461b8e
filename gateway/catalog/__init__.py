"""What Triton serves: read, merged over several Tritons, and kept fresh."""
