"""Sweeps: configurations of the stack, one after another under load, and which one to choose."""
