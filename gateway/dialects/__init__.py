"""Thin translations between what clients speak and the one internal request."""
