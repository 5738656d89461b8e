"""The stack of a configuration: a private copy of the model, its processes, and what they do under load."""
