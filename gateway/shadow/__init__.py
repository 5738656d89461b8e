"""Shadows: versions that compute what others have answered, so that the answers are compared."""
