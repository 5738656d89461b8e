"""The catalog of what Triton serves: read, merged over several Tritons, and kept fresh."""
