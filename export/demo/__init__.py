"""The demo's fine-tunes: where their data comes from, how they were trained, and their recipes."""
